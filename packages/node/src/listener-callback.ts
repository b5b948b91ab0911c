import { attachClient, isTold } from '@curfew/core/adapter'
import { Connection } from './connection.ts'
import { exchangeGuard, type WritingGuardOptions } from './exchange-guard.ts'
import type { Listener } from './fetch-callback.ts'
import { guardedBy, refuseNoListener, type WritingListener } from './guard-listener.ts'
import type { OpenConnections } from './open-connections.ts'

/** What a server is to call: the listener, guarded if there is anything to guard it by, over connections that are followed. */
export function listenerCallback(
  listener: WritingListener,
  options: WritingGuardOptions,
  open: OpenConnections,
): Listener {
  refuseNoListener('listener', listener)
  if (isTold(options)) return guardedBy(exchangeGuard(options, open), listener)
  return (incoming, outgoing) => {
    // Guards further in find it there.
    attachClient(incoming, new Connection(incoming, outgoing, open))
    Reflect.apply(listener, undefined, [incoming, outgoing])
  }
}
