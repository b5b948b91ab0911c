import type { Lifetime } from '@curfew/core/adapter'
import type { Outgoing } from './connection.ts'
import type { Listener } from './fetch-callback.ts'
import { endWith } from './last-response.ts'

/** Answers those who look after the server; and says, once it is about to stop, that connections end. */
export function attending(listener: Listener, lifetime: Lifetime): Listener {
  const { health } = lifetime
  return (incoming, outgoing) => {
    if (!lifetime.isReady) endWith(outgoing, incoming)
    const verdict = health?.answer(incoming.method, incoming.url)
    if (!verdict) return listener(incoming, outgoing)
    ;(outgoing as Pick<Outgoing, 'statusCode' | 'setHeader' | 'end'>).statusCode = verdict.status
    for (const [name, value] of Object.entries(verdict.headers)) outgoing.setHeader(name, value)
    outgoing.end(verdict.body)
  }
}
