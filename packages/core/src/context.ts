// biome-ignore lint/suspicious/noTsIgnore: where the types of Node are known there is no error to expect
// @ts-ignore: the core is compiled without the types of any runtime
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ContextStorage } from './context-slot.ts'
import { enterScopes } from './enter-scopes.ts'
import type { Scope } from './scope.ts'

const { storage } = enterScopes((): ContextStorage => new AsyncLocalStorage())

/**
 * The scope of the request that the code which calls this runs for, without anything being passed through; `undefined`
 * outside of every guard. It never throws. After the request has ended, what its handler still does goes on seeing its own
 * scope, and so do the listeners of its signal.
 *
 * From when this module is imported, every guard of the process runs its handler in an async context, which costs up to
 * a microsecond for each request, and something at each `await` on Node 20; not imported, it costs nothing. It needs
 * `node:async_hooks`: Node, Bun and Deno have it, Cloudflare Workers with `nodejs_compat`.
 *
 * @example
 * ```ts
 * import { currentScope } from '@curfew/core/context'
 *
 * export function query(sql: string) {
 *   return pool.query({ sql, signal: currentScope()?.signal })
 * }
 * ```
 */
export function currentScope(): Scope | undefined {
  return storage.getStore()?.scope
}
