import { expect, test } from 'vitest'
import { reporting } from '../../test/reporting.ts'
import { deferred, get, never, raise, soon } from '../../test/support.ts'
import { guard } from '../index.ts'

const boom = new Error('boom')

test('there is one report where both have the same reporter', async () => {
  const { options, reports, made } = reporting()
  const inner = guard(async () => raise(boom), options)
  await soon(guard((request: Request) => inner(request), options)(get()))
  await made()
  expect(reports).toHaveLength(1)
})

test('there is one of each where they are different', async () => {
  const [one, other] = [reporting(), reporting()]
  const inner = guard(async () => raise(boom), other.options)
  const innermost = guard((request: Request) => inner(request), { reporter: one.reporter })
  await soon(guard((request: Request) => innermost(request), one.options)(get()))
  await Promise.all([one.made(), other.made()])
  expect(one.reports).toMatchObject([{ error: { message: 'boom' } }])
  expect(other.reports).toMatchObject([{ error: { message: 'boom' } }])
  expect(one.reports[0]!.id).not.toBe(other.reports[0]!.id)
})

test('there is one where only the inner has a reporter, of the outer one’s ending', async () => {
  const { reports, made, clock, reporter } = reporting({ on: ['timed-out', 'late'] })
  const work = deferred()
  const inner = guard(() => work.promise, { reporter })
  void guard((request: Request) => inner(request), { clock, timeoutMs: 100 })(get())
  await clock.advance(100)
  work.resolve(new Response())
  await made()
  expect(reports).toMatchObject([
    { kind: 'timed-out', timing: { timeoutMs: 100 } },
    { kind: 'late', late: { kind: 'completed' } },
  ])
})

test('there is none of an inner one that was never reached', async () => {
  const { reports, made, clock, reporter } = reporting()
  const inner = guard(never, { reporter })
  const outer = guard((request: Request) => (request.url.endsWith('/in') ? inner(request) : raise(boom)), {
    clock,
  })
  await soon(outer(get('/out')))
  await made()
  expect(reports).toEqual([])
})
