import { AsyncLocalStorage } from 'node:async_hooks'
import { type Containment, type ContainOptions, containment } from '@curfew/core/adapter'
import { openServers } from './open-servers.ts'

const install = containment({
  process,
  servers: openServers,
  makeStorage: () => new AsyncLocalStorage(),
})

/**
 * Contains crashes: what nobody catches (a throw in a timer, an emitter or another stray callback, a rejection that
 * nobody waits for) is charged to the request that has started it, as long as the process lives or until `release()`. A
 * client that has nothing yet gets its 500, a body that is not complete is reset, and the outcome is `failed` with
 * `escaped: true`; the process and all other requests live on. What comes after the end of its request goes to
 * `onLateSettlement` and to the `reporter`, as `late` and `escaped`; rejections of what was told to stop go nowhere but
 * into `stats`.
 *
 * What no request can be charged with ends the process as before, but not at once: its servers let their requests finish.
 * Listeners that others have for the same events are called all the same, and if one of them ends the process, it ends.
 *
 * Handlers of all guards run in an async context from then on, as they do for `currentScope()`; requests that are under way
 * already cannot be charged. To find the request takes the async context of whatever throws: on Node 20 and 22 a
 * `queueMicrotask()` has none, and code that a connection or an emitter calls which is not the request's own has that of
 * the connection. Calling it again only adds options.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * contain({ graceMs: 10_000 })
 * serve({ fetch: app.fetch, port: 3000, timeoutMs: 5_000 })
 * ```
 */
export function contain(options?: ContainOptions): Containment & Disposable {
  const installed = install(options)
  return Object.assign(installed, { [Symbol.dispose]: () => installed.release() })
}
