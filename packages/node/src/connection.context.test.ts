import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { scopeOf } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, test } from 'vitest'
import { call, deferred, listening, never, protocols, soon, start, startListener } from '../test/support.ts'
import { guardListener } from './guard-listener.ts'
import { scopeOf as scopeOfIncoming } from './scope-of.ts'

const storage = new AsyncLocalStorage<string>()

/** The context in which a signal is aborted that was read in another one than any other code runs in. */
function contextOfAbort() {
  const begun = deferred<void>()
  const context = deferred<string | undefined>()
  function listen(signal: () => AbortSignal): Promise<never> {
    storage.run('the request', () => {
      signal().addEventListener('abort', () => context.resolve(storage.getStore()))
    })
    begun.resolve()
    return never() as Promise<never>
  }
  return { begun, context, listen }
}

describe.each(protocols)(
  'over %s, listeners of a signal are called in the context that it was read in',
  (protocol) => {
    type Listen = ReturnType<typeof contextOfAbort>['listen']
    const kinds: [kind: string, serve: (listen: Listen) => Promise<{ port: number }>][] = [
      ['fetch handler', (listen) => start((request) => listen(() => scopeOf(request).signal), { protocol })],
      [
        'listener',
        (listen) => startListener((req) => listen(() => scopeOfIncoming(req).signal), { protocol }),
      ],
    ]

    test.each(kinds)('when the client of a %s leaves', async (_kind, serve) => {
      const { begun, context, listen } = contextOfAbort()
      const { port } = await serve(listen)
      const client = call(protocol, port)
      await begun.promise
      client.leave()
      expect(await soon(context.promise)).toBe('the request')
    })

    test('when the deadline strikes', async () => {
      const clock = new ManualClock()
      const { begun, context, listen } = contextOfAbort()
      const handler = (req: Parameters<typeof scopeOfIncoming>[0]) =>
        listen(() => scopeOfIncoming(req).signal)
      const { port } = await startListener(handler, { protocol, clock, timeoutMs: 100 })
      const client = call(protocol, port)
      await begun.promise
      await clock.advance(100)
      expect((await client.answer).status).toBe(503)
      expect(await soon(context.promise)).toBe('the request')
    })
  },
)

// Over HTTP/2 Node itself tells it in the context of the session.
describe('who is around a guard hears in his own context that what it answered is sent', () => {
  type Handler = (req: IncomingMessage, res: ServerResponse) => unknown
  const cases: [when: string, handler: Handler][] = [
    ['the server stops', never],
    ['the handler throws', () => Promise.reject(new Error('No such article'))],
    [
      'the handler breaks off',
      (_req, res) => void setImmediate(() => res.destroy(new Error('No such file'))),
    ],
  ]

  test.each(cases)('when %s', async (_when, handler) => {
    const stop = new AbortController()
    const begun = deferred<void>()
    const context = deferred<string | undefined>()
    const guarded = guardListener(
      (req, res) => {
        begun.resolve()
        return storage.run('the handler', () => handler(req, res))
      },
      { shutdown: stop.signal },
    )
    const port = await listening((req, res) => {
      storage.run('around it', () => {
        res.on('finish', () => context.resolve(storage.getStore()))
        guarded(req, res)
      })
    })
    const { answer } = call('http', port)
    await begun.promise
    if (handler === never) stop.abort()
    expect((await answer).status).toBeGreaterThanOrEqual(500)
    expect(await soon(context.promise)).toBe('around it')
  })
})
