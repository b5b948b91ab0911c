import { expect, test, vi } from 'vitest'
import { deferred } from '../test/support.ts'
import { Afterwards } from './afterwards.ts'
import { attachClient } from './client.ts'
import { guard, scopeOf } from './index.ts'
import { OpenRequests, ServedClient } from './served-client.ts'

/** Longer than any test may take. */
const LONG_MS = 60_000

test('nothing is done at once', async () => {
  expect(await new Afterwards().done(0)).toBe(true)
})

test('it is done when all of it has settled, what has come up meanwhile too', async () => {
  const afterwards = new Afterwards()
  const [first, second] = [deferred<void>(), deferred<void>()]
  const steps: string[] = []
  afterwards.add(first.promise.then(() => void steps.push('first')))
  const done = afterwards.done(LONG_MS).then((all) => steps.push(`done: ${all}`))
  afterwards.add(second.promise.then(() => void steps.push('second')))
  first.resolve()
  second.reject(new Error('boom'))
  await done
  expect(steps).toEqual(['first', 'done: true'])
})

test('what takes longer is waited for no longer', async () => {
  const afterwards = new Afterwards()
  afterwards.add(new Promise(() => {}))
  expect(await afterwards.done(1)).toBe(false)
})

test('whoever was told something is flushed, once, in the time that there is', async () => {
  const afterwards = new Afterwards()
  const reporter = { start: vi.fn(), flush: vi.fn(async () => true) }
  afterwards.told(reporter)
  afterwards.told(reporter)
  expect(await afterwards.done(500)).toBe(true)
  expect(reporter.flush.mock.calls).toEqual([[{ timeoutMs: 500 }]])
})

test('a reporter that fails to flush is not done', async () => {
  const output = vi.spyOn(console, 'error').mockImplementation(() => {})
  const afterwards = new Afterwards()
  const boom = new Error('boom')
  afterwards.told({ start: vi.fn(), flush: () => Promise.reject(boom) })
  expect(await afterwards.done(500)).toBe(false)
  expect(output.mock.calls).toEqual([[expect.any(String), boom]])
  output.mockRestore()
})

/** A request of a server, under guards that the server does not know. */
function served(handler: (request: Request) => Promise<Response>, options: object) {
  const open = new OpenRequests()
  const request = new Request('http://localhost/')
  attachClient(request, new ServedClient(request, open))
  const reply = guard(guard(handler, options), { timeoutMs: 1_000 })(request)
  return { reply, afterwards: open.afterwards }
}

test('hooks of all guards of a request are part of it, and what it hands to waitUntil()', async () => {
  const [hook, work] = [deferred<void>(), deferred<void>()]
  const { reply, afterwards } = served(
    async (request) => {
      scopeOf(request).waitUntil(work.promise)
      return new Response()
    },
    { onOutcome: () => hook.promise },
  )
  await reply
  await Promise.resolve()
  expect(await afterwards.done(1)).toBe(false)
  hook.resolve()
  expect(await afterwards.done(1)).toBe(false)
  work.resolve()
  expect(await afterwards.done(LONG_MS)).toBe(true)
})

test('a handler that was abandoned is not: nobody waits for it any longer', async () => {
  const { reply, afterwards } = served(() => new Promise(() => {}), { timeoutMs: 1 })
  expect((await reply).status).toBe(503)
  expect(await afterwards.done(LONG_MS)).toBe(true)
})

test('reporters of all guards of a request are flushed once something went wrong', async () => {
  const recording = { decided() {}, ended() {}, settled() {} }
  const reporter = { start: () => recording, flush: vi.fn(async () => true) }
  const fine = served(async () => new Response(), { reporter })
  await fine.reply
  await fine.afterwards.done(500)
  expect(reporter.flush).not.toHaveBeenCalled()
  const failing = served(() => Promise.reject(new Error('boom')), { reporter })
  await failing.reply
  await failing.afterwards.done(500)
  expect(reporter.flush).toHaveBeenCalledOnce()
})
