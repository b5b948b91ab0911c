import { AsyncLocalStorage } from 'node:async_hooks'
import { scopeOf } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'
import { describe, expect, test } from 'vitest'
import { call, deferred, never, protocols, soon, start, startListener } from '../test/support.ts'
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
    test('when the client of a fetch handler leaves', async () => {
      const { begun, context, listen } = contextOfAbort()
      const { port } = await start((request) => listen(() => scopeOf(request).signal), { protocol })
      const client = call(protocol, port)
      await begun.promise
      client.leave()
      expect(await soon(context.promise)).toBe('the request')
    })

    test('when the client of a listener leaves', async () => {
      const { begun, context, listen } = contextOfAbort()
      const { port } = await startListener((req) => listen(() => scopeOfIncoming(req).signal), { protocol })
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
