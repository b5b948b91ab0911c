import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scope } from '@curfew/core'
import { type ContextStorage, contextSlot, type Inside, isOwnReply } from '@curfew/core/adapter'
import type { Context } from 'hono'

/** Tells code that the guard called from code around it: both hold the same `c`. `currentScope()` looks here, too. */
contextSlot.storage ??= new AsyncLocalStorage<Inside>()
const inside: ContextStorage = contextSlot.storage

/**
 * What code inside a guard has in its async context, and which leads to nothing of its request unless `currentScope()` is to
 * find it: Deno keeps what is in a context in a `WeakMap`, and what leads from there to a promise of the request lives until
 * everything is collected. Where there is no other, it is the same for all requests, which `c` tells from each other.
 */
const outermost: Inside = { scope: undefined, outer: undefined }

/** One pass of a request through the guard on `c`. */
export interface Pass {
  readonly c: Context
  /** Made by `c` before the guard was entered. Only the few who need them look at its headers, which costs more. */
  readonly before: Response
  /** Those headers, where they would not stay what they were. */
  readonly headers: readonly Entry[] | undefined
  /** The scope, once what is inside has been called; a WebSocket has none. */
  scope: Scope | undefined
  mark: Inside | undefined
  /** The one before it on the same `c`, which may be around it. */
  previous: Pass | undefined
}

type Entry = readonly [name: string, value: string]

const passKey: unique symbol = Symbol('curfew.pass')

interface Passed extends Context {
  [passKey]?: Pass
}

/** Remembers what had been set on `c`: asks it for an empty response, because `c.res` would make one that stays. */
export function passOn(c: Context): Pass {
  const before = c.body(null)
  const headers = sharesHeaders() ? [...before.headers] : undefined
  return { c, before, headers, scope: undefined, mark: undefined, previous: undefined }
}

let asked: { readonly of: typeof Response; readonly shares: boolean } | undefined

/** Whether responses have the very headers that they were made with, as those of node-server do. */
function sharesHeaders(): boolean {
  if (asked?.of !== Response) {
    const headers = new Headers()
    asked = { of: Response, shares: new Response(null, { headers }).headers === headers }
  }
  return asked.shares
}

/** Runs what is inside the guard, such that its writes can be told from others for as long as it lives. */
export function runInside<T>(pass: Pass, scope: Scope, work: () => T): T {
  const c: Passed = pass.c
  const outer = inside.getStore()
  const isOutermost = !outer && !c[passKey] && !contextSlot.enter
  pass.scope = scope
  pass.mark = isOutermost ? outermost : { scope: contextSlot.enter && scope, outer }
  pass.previous = c[passKey]
  c[passKey] = pass
  scope.context = pass
  scope.runInContext = runListeners
  scope.routeOf = routeOf
  scope.handOver = handOver
  return inside.run(pass.mark, work)
}

/** The deadline strikes in the context of a timer, but its listeners are the handler's. One function for all scopes. */
function runListeners(this: Scope, listeners: () => void): void {
  inside.run((this.context as Pass).mark!, listeners)
}

/** The pattern of the handler that Hono came to; that of middleware for everything is none. */
function routeOf(this: Scope): string | undefined {
  const { req } = (this.context as Pass).c
  const path = req.matchedRoutes.at(req.routeIndex)?.path
  return path === '*' || path === '/*' ? undefined : path
}

/** Edges drop what is left of a request once it is answered, unless they are told of it. */
function handOver(this: Scope, work: Promise<unknown>): void {
  executionContextOf((this.context as Pass).c)?.waitUntil(work)
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
export function scopeInside(c: Passed): Scope | undefined {
  let pass = c[passKey]
  while (pass && !isInside(pass)) pass = pass.previous
  return pass?.scope
}

function isInside({ mark }: Pass): boolean {
  let store = inside.getStore()
  while (store && store !== mark) store = store.outer
  return store === mark
}

/**
 * Makes `reply` the response of `c`, as if what ran inside had never touched it: with what was set before, and deaf to
 * all that comes from inside later. A late `c.header()`, `c.status()`, `c.set()`, `c.res = …` or `c.res.headers.set()`
 * goes nowhere, a late throw runs no `onError`, and no further handler starts.
 */
export function takeOver(pass: Pass, reply: Response): void {
  const { c, scope } = pass
  restore(pass)
  c.error = undefined
  c.res = withHeaders(reply, pass)
  if (scope) shut(c, scope)
}

/** The same without a reply as yet: it is for what is around to make one. */
export function takeBack(pass: Pass, scope: Scope): void {
  restore(pass)
  pass.c.error = undefined
  shut(pass.c, scope)
}

/** Brings `c` back to where it was before the guard was entered, with no response yet. */
export function restore(pass: Pass): void {
  const { c } = pass
  drop(c)
  // Under node-server these are the very headers that go, and none may be skipped.
  for (const name of [...c.body(null).headers.keys()]) c.header(name)
  for (const [name, value] of headersOf(pass)) c.header(name, value, { append: name === 'set-cookie' })
  c.status(pass.before.status as 200)
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
export function withHeaders(response: Response, pass: Pass): Response {
  const own = isOwnReply(response) ? response : new Response(response.body, response)
  for (const [name, value] of headersOf(pass)) {
    if (name === 'set-cookie') own.headers.append(name, value)
    else if (name !== 'content-type' && name !== 'content-length') own.headers.set(name, value)
  }
  return own
}

function headersOf({ before, headers }: Pass): readonly Entry[] {
  return headers ?? [...before.headers]
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
