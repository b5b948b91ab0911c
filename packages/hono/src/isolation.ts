import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scope } from '@curfew/core'
import { type ContextStorage, type Inside as CoreInside, contextSlot, isOwnReply } from '@curfew/core/adapter'
import type { Context } from 'hono'

/** Whose code runs: that of the guard on `c`, which one on another `c` may have called. */
interface Inside extends CoreInside {
  /** None where a guard of the core was entered. */
  readonly c?: Context
}

/** Tells code that the guard called from code around it: both hold the same `c`. `currentScope()` looks here, too. */
contextSlot.storage ??= new AsyncLocalStorage<CoreInside>()
const inside: ContextStorage = contextSlot.storage

/** Runs what is inside the guard, such that its writes can be told from others for as long as it lives. */
export function runInside<T>(c: Context, scope: Scope, work: () => T): T {
  const store: Inside = { c, scope, outer: inside.getStore() }
  scope.context = store
  scope.runInContext = runListeners
  scope.routeOf = routeOf
  scope.handOver = handOver
  return inside.run(store, work)
}

/** The deadline strikes in the context of a timer, but its listeners are the handler's. One function for all scopes. */
function runListeners(this: Scope, listeners: () => void): void {
  inside.run(this.context as Inside, listeners)
}

/** The pattern of the handler that Hono came to; that of middleware for everything is none. */
function routeOf(this: Scope): string | undefined {
  const { req } = (this.context as Required<Inside>).c
  const path = req.matchedRoutes.at(req.routeIndex)?.path
  return path === '*' || path === '/*' ? undefined : path
}

/** Edges drop what is left of a request once it is answered, unless they are told of it. */
function handOver(this: Scope, work: Promise<unknown>): void {
  executionContextOf((this.context as Required<Inside>).c)?.waitUntil(work)
}

/** Where there is none, finding that out costs as much as an error. */
export function executionContextOf(c: Context): Context['executionCtx'] | undefined {
  try {
    return c.executionCtx
  } catch {
    return undefined
  }
}

/** The scope of `c`, if the code that runs right now is inside its guard. */
export function scopeInside(c: Context): Scope | undefined {
  let store: Inside | undefined = inside.getStore()
  while (store && store.c !== c) store = store.outer
  return store?.scope
}

/** What had been set on `c` before the guard was entered. */
export interface Before {
  readonly status: number
  /** As entries, for they cost less than `Headers` that hardly any request needs. */
  readonly headers: readonly Entry[]
}

type Entry = readonly [name: string, value: string]

/** Asks `c` for an empty response, because `c.res` would make one that stays. */
export function before(c: Context): Before {
  const { status, headers } = c.body(null)
  return { status, headers: [...headers] }
}

/**
 * Makes `reply` the response of `c`, as if what ran inside had never touched it: with the headers of `before`, and
 * deaf to all that comes from inside later. A late `c.header()`, `c.status()`, `c.set()`, `c.res = …` or
 * `c.res.headers.set()` goes nowhere, a late throw runs no `onError`, and no further handler starts.
 */
export function takeOver(c: Context, scope: Scope | undefined, reply: Response, before: Before): void {
  restore(c, before)
  c.error = undefined
  c.res = withHeaders(reply, before.headers)
  if (scope) shut(c, scope)
}

/** The same without a reply as yet: it is for what is around to make one. */
export function takeBack(c: Context, scope: Scope, before: Before): void {
  restore(c, before)
  c.error = undefined
  shut(c, scope)
}

/** Brings `c` back to where it was before the guard was entered, with no response yet. */
export function restore(c: Context, { status, headers }: Before): void {
  drop(c)
  // Under node-server these are the very headers that go, and none may be skipped.
  for (const name of [...c.body(null).headers.keys()]) c.header(name)
  for (const [name, value] of headers) c.header(name, value, { append: name === 'set-cookie' })
  c.status(status as 200)
}

/** Gives `c` another response. Hono would merge the headers of the one that is there, so that one has to go first. */
export function replace(c: Context, response: Response): void {
  drop(c)
  c.res = response
}

function drop(c: Context): void {
  c.res = undefined
  // Setting it says the contrary, and Hono would then look for a response that is gone.
  c.finalized = false
}

/**
 * The response with headers that were set around the guard; those that describe its body stay its own. What a user
 * throws or gives may be one response for all requests, so only a copy of it gets the headers of this one.
 */
export function withHeaders(response: Response, headers: readonly Entry[]): Response {
  const own = isOwnReply(response) ? response : new Response(response.body, response)
  for (const [name, value] of headers) {
    if (name === 'set-cookie') own.headers.append(name, value)
    else if (name !== 'content-type' && name !== 'content-length') own.headers.set(name, value)
  }
  return own
}

function shut(c: Context, scope: Scope): void {
  const isLate = (): boolean => scopeInside(c) === scope

  for (const name of ['header', 'status', 'set', 'setLayout', 'setRenderer'] as const) {
    const method = c[name] as (...args: unknown[]) => unknown
    Object.assign(c, { [name]: (...args: unknown[]) => (isLate() ? scope.lateWrite() : method(...args)) })
  }

  // Late code finds what it would find without a timeout: no response at first, and then its own.
  let decoy: Response | undefined
  const res = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(c), 'res')!
  shadow(c, 'res', {
    get() {
      if (!isLate()) return res.get!.call(c)
      decoy ??= new Response(null)
      return decoy
    },
    set(response) {
      if (isLate()) decoy = response
      else res.set!.call(c, response)
    },
  })
  let { finalized } = c
  shadow(c, 'finalized', {
    get: () => (isLate() ? decoy !== undefined : finalized),
    set(value) {
      if (!isLate()) finalized = value
    },
  })

  // Hono notes the error before it calls onError, and the route before it calls a handler: throwing there keeps it
  // from calling either, and hands the error on to whoever waits, which in the end is the guard.
  let { error } = c
  shadow(c, 'error', {
    get: () => error,
    set(thrown) {
      if (isLate()) throw thrown
      error = thrown
    },
  })
  let { routeIndex } = c.req
  shadow(c.req, 'routeIndex', {
    get: () => routeIndex,
    set(index) {
      if (isLate()) throw scope.reason
      routeIndex = index
    },
  })
}

function shadow<T extends object, Key extends keyof T>(
  object: T,
  key: Key,
  accessor: { get(): T[Key]; set(value: T[Key]): void },
): void {
  Object.defineProperty(object, key, { configurable: true, ...accessor })
}
