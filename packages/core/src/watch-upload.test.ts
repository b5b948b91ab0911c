import { describe, expect, test, vi } from 'vitest'
import { deferred, observed, soon, thrownBy } from '../test/support.ts'
import { attachClient } from './client.ts'
import { EdgeClient } from './edge-client.ts'
import { ClientClosedError, guard } from './index.ts'
import { recordBody } from './report/record-body.ts'
import { ServedClient } from './served-client.ts'
import { breakBody } from './tap-body.ts'
import { watchUpload } from './watch-upload.ts'

const encoder = new TextEncoder()

/** A request with a body that says it has 10 bytes; it has as many as `parts`, and then ends or breaks. */
function upload(parts: readonly string[], { error, length = '10' }: { error?: Error; length?: string } = {}) {
  const left = [...parts]
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const part = left.shift()
      if (part !== undefined) controller.enqueue(encoder.encode(part))
      else if (error) controller.error(error)
      else controller.close()
    },
  })
  const headers: HeadersInit = length === '' ? {} : { 'content-length': length }
  const init = { method: 'POST', body, headers, duplex: 'half' }
  return new Request('http://localhost/', init as RequestInit)
}

const readers: [name: string, read: (request: Request) => Promise<unknown>][] = [
  ['text()', (request) => request.text()],
  ['arrayBuffer()', (request) => request.arrayBuffer()],
  ['json()', (request) => request.json()],
  ['blob()', (request) => request.blob()],
  ['body', (request) => new Response(request.body).text()],
]

describe.each(readers)('a body that is read by %s', (_, read) => {
  test('is left alone when it is whole', async () => {
    const request = upload(['"12345', '678"'])
    const lost = vi.fn()
    watchUpload(request, lost)
    await read(request)
    expect(lost).not.toHaveBeenCalled()
  })

  test('is an error when it ends before its length', async () => {
    const request = upload(['"1234"'])
    const lost = vi.fn()
    watchUpload(request, lost)
    expect(await thrownBy(() => read(request))).toBeInstanceOf(ClientClosedError)
    expect(lost.mock.calls).toEqual([[expect.any(ClientClosedError)]])
  })

  test('is that of a client that left when it breaks', async () => {
    const error = new Error('connection reset')
    const request = upload(['"1234'], { error })
    const lost = vi.fn()
    watchUpload(request, lost)
    expect(await thrownBy(() => read(request))).toBe(error)
    expect(lost.mock.calls).toEqual([[error]])
  })

  test.each(['', 'nonsense'])('has no length to reach when that is %j', async (length) => {
    const request = upload(['"1234"'], { length })
    const lost = vi.fn()
    watchUpload(request, lost)
    await read(request)
    expect(lost).not.toHaveBeenCalled()
  })
})

test('who reads a body twice, or one that is in use, is no client that left', async () => {
  const lost = vi.fn()
  const twice = upload(['"12345', '678"'])
  watchUpload(twice, lost)
  await twice.text()
  expect(await thrownBy(() => twice.text())).toBeInstanceOf(TypeError)
  const locked = upload(['"12345', '678"'])
  locked.body!.getReader()
  watchUpload(locked, lost)
  expect(await thrownBy(() => locked.text())).toBeInstanceOf(TypeError)
  expect(lost).not.toHaveBeenCalled()
})

test('a body that is recorded, too, is heard by both', async () => {
  const request = upload(['1234'])
  const record = recordBody(request, 100)!
  const lost = vi.fn()
  watchUpload(request, lost)
  expect(await thrownBy(() => request.text())).toBeInstanceOf(ClientClosedError)
  expect(lost).toHaveBeenCalledTimes(1)
  expect(record.bytes).toBe(4)
})

test.each([
  ['breaks', { error: new Error('connection reset') }],
  ['ends short', {}],
])('a request whose body %s has lost its client: no failure, and its handler is told', async (_, ending) => {
  const request = upload(['1234'], ending)
  const client = new ServedClient(request)
  attachClient(request, client)
  watchUpload(request, () => client.lost())
  const { options, outcomes, late, clock } = observed()
  const told = deferred<unknown>()
  const reply = guard(async (own: Request) => {
    own.signal.addEventListener('abort', () => told.resolve(own.signal.reason))
    return new Response(await own.text())
  }, options)(request)
  expect((await soon(reply)).status).toBe(499)
  expect(await soon(told.promise)).toBeInstanceOf(ClientClosedError)
  await clock.advance(0)
  expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
  expect(late).toHaveLength(1)
  expect(client.closed).toBe(true)
})

test('it counts as well where nobody follows the client yet', async () => {
  const request = upload(['1234'])
  const client = new ServedClient(request)
  attachClient(request, client)
  watchUpload(request, () => client.lost())
  const { options, outcomes, clock } = observed()
  const reply = guard(async (own: Request) => new Response(await own.text()), options)(request)
  expect((await soon(reply)).status).toBe(499)
  await clock.advance(0)
  expect(outcomes).toMatchObject([{ kind: 'client-closed', phase: 'handling' }])
})

describe('a body that does not go on', () => {
  /** The beginning of one, and nothing more for ever. */
  function stalled(): Request {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode('"1234')),
    })
    const init = { method: 'POST', body, headers: { 'content-length': '10' }, duplex: 'half' }
    return new Request('http://localhost/', init as RequestInit)
  }

  async function endings(handler: (request: Request) => Promise<unknown>, request = stalled()) {
    const { options, outcomes, clock } = observed({ timeoutMs: 100 })
    attachClient(request, new EdgeClient(request, undefined))
    void guard(async (own: Request) => {
      await handler(own)
      return new Response()
    }, options)(request)
    await clock.advance(100)
    return outcomes
  }

  test.each(readers)('makes its client the one who was slow when it is read by %s', async (_, read) => {
    expect(await endings(read)).toMatchObject([{ kind: 'timed-out', phase: 'receiving', status: 408 }])
  })

  const elsewhere: [name: string, handler: (request: Request) => unknown][] = [
    ['has not begun to read it', () => {}],
    ['has read as much as it wants', (request) => request.body!.getReader().read()],
    ['only looked at it', (request) => request.body],
  ]

  test.each(elsewhere)('does not where the handler %s', async (_, handler) => {
    const outcomes = await endings(async (request) => {
      await handler(request)
      return new Promise(() => {})
    })
    expect(outcomes).toMatchObject([{ kind: 'timed-out', phase: 'handling', status: 503 }])
  })

  test.each(readers)('can be broken for whoever reads it by %s', async (_, read) => {
    const request = stalled()
    const lost = vi.fn()
    watchUpload(request, lost)
    const reading = thrownBy(() => read(request))
    const error = new Error('nobody waits any longer')
    breakBody(request, error)
    expect(await reading).toBe(error)
    expect(lost.mock.calls).toEqual([[error]])
  })
})

test('a whole body is nobody’s fault', async () => {
  const request = upload(['"12345', '678"'])
  const { options, outcomes, clock } = observed({ timeoutMs: 100 })
  attachClient(request, new EdgeClient(request, undefined))
  const read = deferred<void>()
  void guard(async (own: Request) => {
    await own.text()
    read.resolve()
    return new Promise<Response>(() => {})
  }, options)(request)
  await soon(read.promise)
  await clock.advance(100)
  expect(outcomes).toMatchObject([{ phase: 'handling' }])
})
