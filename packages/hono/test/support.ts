import type { GuardOptions } from '@curfew/core'
import { type Deferred, deferred as deferredOf, observed as observedBy } from '../../core/test/support.ts'

export { type Deferred, raise, soon, source, thrownBy } from '../../core/test/support.ts'

/** Options that stop the time, keep what the guard tells, and limit requests to 100 ms. */
export function observed(options: GuardOptions = {}): ReturnType<typeof observedBy> {
  return observedBy({ timeoutMs: 100, ...options })
}

export function deferred<T = void>(): Deferred<T> {
  return deferredOf<T>()
}

export const never = (): Promise<never> => new Promise(() => {})

/** All that a client could see of a response. */
export interface Seen {
  readonly status: number
  readonly headers: [string, string][]
  readonly body: string
}

export async function read(response: Response): Promise<Seen> {
  return { status: response.status, headers: [...response.headers], body: await response.text() }
}

/** The default timeout reply, without what other middleware adds. */
export const timeoutReply: Seen = {
  status: 503,
  headers: [['content-type', 'application/problem+json']],
  body: '{"type":"about:blank","title":"Service Unavailable","status":503,"code":"HANDLER_TIMEOUT"}',
}
