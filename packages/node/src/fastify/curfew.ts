import { InvalidOptionError, type Scope, type Stats } from '@curfew/core'
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  onErrorHookHandler,
  onRequestHookHandler,
  RouteHandlerMethod,
  RouteOptions,
} from 'fastify'
import { type ExchangeGuard, exchangeGuard, giveUp, type WritingGuardOptions } from '../exchange-guard.ts'
import { inherited } from './inherited.ts'
import { layHeaders } from './lay-headers.ts'
import { Passage } from './passage.ts'
import { routeGuard, routeGuardOf } from './route-config.ts'
import { watchPayload } from './watch-payload.ts'

/** What the plugin may be told: all that a guard may. Errors are Fastify's to answer, as ever. */
export type CurfewOptions = WritingGuardOptions

/** What an app has as `app.curfew`. */
export interface Curfew {
  /** What the guard has seen since the plugin was registered. */
  readonly stats: Stats
}

/**
 * A plugin that guards all routes of the instance that it is registered with: each request has one ending, by the
 * deadline, whatever hooks and handlers do. What was set before its hook (by plugins that were registered before it: CORS,
 * a request id) is in every reply; what hooks and handlers set before a timeout, or do after it, is in none. Errors go to
 * Fastify's own error handling, once, and are recorded as `failed` when that answers 500 or above.
 *
 * Wait for it (`await app.register(…)`) before routes are declared beside it: then their `config.curfew` is checked as
 * they are, and it is known when their abandoned handlers are done. Registered again further in, it adjusts the guard
 * further out: one request, one race.
 *
 * @throws {InvalidOptionError} (`register()` rejects with it) for an option that is unknown or has a value that it cannot
 * have
 *
 * @example
 * ```ts
 * await app.register(cors)
 * await app.register(curfew, { timeoutMs: 5_000 })
 * app.get('/report', { config: { curfew: 30_000 } }, async (request) => db.query(sql, { signal: request.signal }))
 * app.get('/events', { config: { curfew: Infinity } }, sendEvents)
 * ```
 */
export const curfew: FastifyPluginAsync<CurfewOptions> = Object.assign(plugin, {
  // What fastify-plugin does: the hooks are those of the instance that the plugin is registered with.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@curfew/node',
  [Symbol.for('plugin-meta')]: { name: '@curfew/node', fastify: '5.x' },
})

async function plugin(app: FastifyInstance, options: CurfewOptions): Promise<void> {
  if (typeof app?.decorate !== 'function') {
    const expected =
      'an instance of Fastify: app.register(curfew, options), not app.register(curfew(options))'
    throw new InvalidOptionError('app', expected, app)
  }
  const guard = exchangeGuard(options)
  app.decorate('curfew', { stats: guard.stats })
  if (!app.hasRequestDecorator('curfew')) decorate(app)
  app.addHook('onRoute', followRoute)
  app.addHook('onRequest', guardRequests(guard))
  app.addHook('onError', noteError)
}

const passageKey: unique symbol = Symbol('curfew.passage') as never

type Guarded = FastifyRequest & { [passageKey]?: Passage }

function passageOf(request: FastifyRequest): Passage | undefined {
  return (request as Guarded)[passageKey]
}

function decorate(app: FastifyInstance): void {
  app.decorateRequest('curfew', null)
  app.decorateRequest(passageKey, undefined)
  // Both are Fastify's own already, one level further up.
  app.decorateRequest('signal' as never, { getter: signalOf } as never)
  app.decorateReply('send' as never, send as never)
}

/** Fastify's own signal aborts when the body of the request has been read, and knows no deadline. */
function signalOf(this: FastifyRequest): AbortSignal {
  return this.curfew?.signal ?? (inherited(this, 'signal', 'get', signalOf)?.call(this) as AbortSignal)
}

/** Fastify would warn of each reply that comes too late: here they are expected, counted and recorded. */
function send(this: FastifyReply, payload: unknown): FastifyReply {
  const passage = passageOf(this.request)
  if (passage?.abandoned) {
    passage.scope.lateWrite()
    passage.settle(payload)
    return this
  }
  if (passage) {
    passage.replied()
    watchPayload(payload, (error) => {
      // Before that, Fastify answers.
      if (this.raw.headersSent && !passage.gone) giveUp(passage.scope, error)
    })
  }
  sendOf(this).call(this, payload)
  return this
}

type Send = (this: FastifyReply, payload: unknown) => unknown

const sends = new WeakMap<object, Send>()

/** Fastify's own, which is looked for once for each kind of reply: each plugin has one. */
function sendOf(reply: FastifyReply): Send {
  const kind = Object.getPrototypeOf(reply)
  let found = sends.get(kind)
  if (!found) {
    found = inherited(reply, 'send', 'value', send) as Send
    sends.set(kind, found)
  }
  return found
}

function guardRequests(guard: ExchangeGuard): onRequestHookHandler {
  return function guardRequest(request, reply, done) {
    const { config, url } = request.routeOptions
    const { raw } = reply
    const route = routeGuardOf(config)
    // An upgrade that somebody serves gets no response that could be late.
    if (route === false || Reflect.get(request.raw, 'upgrade') === true) return done()
    const takeUp = layHeaders(reply)
    guard.run(request.raw, raw, (scope) => {
      takeUp()
      let passage = passageOf(request)
      if (!passage) {
        passage = begin(scope, url, raw)
        request.curfew = scope
        ;(request as Guarded)[passageKey] = passage
      }
      if (route) route.run(request.raw, raw, () => done())
      else done()
      return passage.done
    })
  }
}

/** What outlives a request keeps nothing of Fastify's: on a busy server that is most of the work of its garbage collector. */
function begin(scope: Scope, url: string | undefined, raw: FastifyReply['raw']): Passage {
  const passage = new Passage(scope)
  const routeOf = (): string | undefined => url
  scope.routeOf = routeOf
  // It closes once, and `once()` would make as much again.
  raw.on('close', () => passage.closed(raw))
  return passage
}

/** Fastify's own error handling is not for what fails once there is nobody to answer. */
const noteError: onErrorHookHandler = (request, _reply, error, done) => {
  const passage = passageOf(request)
  if (passage?.gone) return passage.fail(error)
  if (passage) passage.scope.handledError = error
  done()
}

const followed = new WeakSet<RouteHandlerMethod>()

function followRoute(route: RouteOptions): void {
  routeGuard(route.config?.curfew)
  const { handler } = route
  if (followed.has(handler)) return
  const following: RouteHandlerMethod = function (request, reply) {
    const passage = passageOf(request)
    return passage
      ? passage.handle(() => handler.call(this, request, reply))
      : handler.call(this, request, reply)
  }
  // Tracing names spans after handlers.
  Object.defineProperty(following, 'name', { value: handler.name })
  followed.add(following)
  route.handler = following
}
