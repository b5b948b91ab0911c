import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ModelClient, ModelGuard, type ModelRequest, type Settlement } from '../test/race-model.ts'
import { tryOften } from '../test/runs.ts'
import {
  countListeners,
  deferred,
  FakeClient,
  get,
  observed,
  soon,
  source,
  watchedRequest,
} from '../test/support.ts'
import { attachClient } from './client.ts'
import { type GuardOptions, guard, type HandlerResult, type Outcome, scopeOf } from './index.ts'

// Several requests at once under one guard. What each handler, each client, the clock and the server do is a sequence of
// tasks of its own, and it is the scheduler of fast-check that says whose next one is done.

/** What a handler does before it has returned, and after that. */
const deed = fc.constantFrom('read signal', 'write', 'set 7', 'set 40', 'extend 9', 'disable', 'escape')

const settlement = fc.constantFrom(
  'answer text',
  'answer stream',
  'answer nothing',
  'throw',
  'throw AbortError',
  'throw reason',
  'throw response',
)

const body = fc.constantFrom('end body', 'break body')

const request = fc.record({
  client: fc.constantFrom('signal', 'cheap', 'costly', 'cheap, tells delivery', 'costly, tells delivery'),
  isAsync: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  first: fc.array(fc.oneof(deed, fc.constantFrom('close', 'shut down')), { maxLength: 2 }),
  deeds: fc.array(fc.oneof({ weight: 2, arbitrary: deed }, { weight: 2, arbitrary: settlement }, body), {
    maxLength: 5,
  }),
  /** What the other end does, and the server that tells of it. */
  others: fc.array(fc.constantFrom('close', 'deliver', 'break'), { maxLength: 2 }),
})

const world = fc.record({
  timeoutMs: fc.constantFrom<number | false>(3, 10, 30, false),
  buffer: fc.boolean(),
  watch: fc.constantFrom<'lazy' | 'eager'>('lazy', 'eager'),
  maxConcurrent: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
  maxAbandoned: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
  hooks: fc.array(fc.constantFrom('fine', 'throw', 'reject', 'hang'), { minLength: 1, maxLength: 4 }),
  requests: fc.array(request, { minLength: 1, maxLength: 4 }),
  clock: fc.array(fc.constantFrom('wait 1', 'wait 4', 'wait 10', 'wait 25', 'block 30'), { maxLength: 5 }),
  isShutDown: fc.boolean(),
  /** Whether promises have the time to settle between one task and the next. Draining takes a while. */
  isCalm: fc.boolean(),
})

type Plan = typeof world extends fc.Arbitrary<infer Value> ? Value : never

class CountingClient extends FakeClient {
  sent = 0

  sending(): void {
    this.sent++
  }
}

class World {
  readonly stop = new AbortController()
  readonly stopListeners = countListeners(this.stop.signal)
  readonly told = new Map<Request, string[]>()
  readonly outcomes = new Map<Request, Outcome>()
  readonly model: ModelGuard
  readonly exchanges: Exchange[]
  readonly app
  readonly clock
  readonly shedding: string[] = []
  failedHooks = 0
  private calls = 0
  private readonly plan: Plan

  constructor(plan: Plan) {
    this.plan = plan
    const { timeoutMs, buffer, watch, maxConcurrent, maxAbandoned } = plan
    this.model = new ModelGuard({
      timeoutMs: timeoutMs === false ? Number.POSITIVE_INFINITY : timeoutMs,
      buffer,
      eager: watch === 'eager',
      maxConcurrent,
      maxAbandoned,
    })
    const { clock, options } = observed({
      ...{ timeoutMs, buffer, watch, maxConcurrent, maxAbandoned },
      shutdown: this.stop.signal,
      onOutcome: (outcome, request) => {
        this.outcomes.set(request, outcome)
        return this.tell(request, 'outcome')
      },
      onLateSettlement: ({ kind, escaped }, request) =>
        this.tell(request, escaped ? 'escaped' : `late ${kind}`),
      onShedding: ({ kind }) => {
        this.shedding.push(kind)
        return this.hook()
      },
    } satisfies GuardOptions)
    this.clock = clock
    this.exchanges = plan.requests.map((each) => new Exchange(this, each))
    const byRequest = new Map(this.exchanges.map((exchange) => [exchange.request, exchange]))
    this.app = guard((request: Request) => byRequest.get(request)!.handle(), options)
  }

  private tell(request: Request, what: string): unknown {
    this.told.set(request, [...(this.told.get(request) ?? []), what])
    return this.hook()
  }

  private hook(): unknown {
    const { hooks } = this.plan
    const how = hooks[this.calls++ % hooks.length]
    if (how !== 'fine') this.failedHooks++
    if (how === 'throw') throw new Error('hook')
    if (how === 'reject') return Promise.reject(new Error('hook'))
    return how === 'hang' ? new Promise(() => {}) : undefined
  }

  /** Everybody does what they do, in the order that the scheduler says. */
  async live(scheduler: fc.Scheduler): Promise<void> {
    const { requests, clock, isShutDown } = this.plan
    const sequences = this.exchanges.flatMap((exchange, i) => {
      const { deeds, others } = requests[i]!
      return [
        this.sequence(scheduler, `handler ${i}`, ['arrive', ...deeds], (what) => exchange.do(what)),
        this.sequence(scheduler, `client ${i}`, others, (what) => exchange.do(what)),
      ]
    })
    sequences.push(
      this.sequence(scheduler, 'clock', clock, (what) => this.time(what)),
      this.sequence(scheduler, 'server', isShutDown ? ['shut down'] : [], () => this.shutDown()),
    )
    await scheduler.waitIdle()
    await Promise.all(sequences)
  }

  private async sequence(
    scheduler: fc.Scheduler,
    who: string,
    tasks: readonly string[],
    act: (what: string) => unknown,
  ): Promise<void> {
    const isCalm = this.plan.isCalm || this.plan.buffer
    let failure: unknown
    const builders = tasks.map((what) => ({
      label: `${who}: ${what}`,
      builder: async () => {
        try {
          await act(what)
          if (isCalm) await this.pass(0)
        } catch (error) {
          failure ??= error
          throw error
        }
      },
    }))
    const { faulty } = await scheduler.scheduleSequence(builders).task
    if (faulty) throw failure
  }

  shutDown(): void {
    this.model.shutDown()
    this.stop.abort()
  }

  private async time(what: string): Promise<void> {
    const [verb, number] = what.split(' ')
    const ms = Number(number)
    if (verb === 'wait') return this.pass(ms)
    this.model.block(ms)
    this.clock.block(ms)
  }

  private async pass(ms: number): Promise<void> {
    await this.clock.advance(ms)
    this.model.pass(ms)
  }

  /** Whatever has not come to its end does so now. */
  async end(): Promise<void> {
    for (const exchange of this.exchanges) exchange.finish()
    await this.pass(0)
    for (const exchange of this.exchanges) await exchange.read()
    await this.pass(0)
    for (const exchange of this.exchanges) exchange.do('deliver')
    // Hooks may take so long, and the guard has to see for a while that nobody is refused.
    await this.pass(11_000)
  }
}

/** One request, as it is and as it is to be. */
class Exchange {
  readonly request: Request
  readonly client: CountingClient
  readonly isAttached: boolean
  readonly listeners: () => number
  readonly aborts: unknown[] = []
  readonly streams: ReturnType<typeof source>[] = []
  model: ModelRequest | undefined
  reply: Promise<Response> | undefined
  response: Response | undefined
  text: string | undefined
  private readonly world: World
  private readonly plan: Plan['requests'][number]
  private readonly work = deferred<HandlerResult>()
  private readonly modelClient: ModelClient
  private readonly leave: () => void
  private hasSettled = false
  private isRead = false

  constructor(world: World, plan: Plan['requests'][number]) {
    const { client: kind } = plan
    this.world = world
    this.plan = plan
    const watched = watchedRequest()
    this.client = new CountingClient({
      cheap: !kind.includes('costly'),
      tellsDelivery: kind.includes('delivery'),
    })
    this.isAttached = kind !== 'signal'
    this.request = kind === 'signal' ? watched.request : get()
    if (kind === 'signal') {
      this.leave = () => watched.close()
      this.listeners = watched.listeners
    } else {
      attachClient(this.request, this.client)
      this.leave = () => this.client.close()
      this.listeners = () => this.client.watchers
    }
    this.modelClient = {
      cheap: kind.startsWith('cheap'),
      tellsDelivery: this.client.tellsDelivery,
      closed: false,
    }
  }

  do(what: string): void {
    const { model } = this
    if (what === 'close') this.close()
    else if (what === 'arrive') this.arrive()
    else if (what === 'shut down') this.world.shutDown()
    else if (!model) return
    else if (what === 'deliver' || what === 'break') this.tell(what)
    else if (model.ran) this.handlerDoes(what, model)
  }

  private arrive(): void {
    const { world } = this
    this.model = world.model.arrives(this.modelClient)
    const reply = world.app(this.request)
    this.reply = Promise.resolve(reply)
    void this.reply.then((response) => {
      this.response = response
    })
  }

  private close(): void {
    if (this.toldAll) return
    if (this.model) this.model.close()
    else this.modelClient.closed = true
    this.leave()
  }

  private get toldAll(): boolean {
    return this.model?.told ?? false
  }

  /** Who tells of it does so once there is a response, and once. */
  private tell(what: 'deliver' | 'break'): void {
    const { model, client } = this
    if (!model?.ending || !client.tellsDelivery || client.closed || model.told) return
    if (what === 'deliver') {
      model.deliver()
      client.deliver()
    } else {
      model.break()
      client.break(new Error('broke'))
    }
  }

  /** The handler. */
  handle(): HandlerResult | Promise<HandlerResult> {
    for (const what of this.plan.first) this.do(what)
    if (this.plan.isAsync) {
      this.model!.returnedPromise()
      return this.work.promise
    }
    this.hasSettled = true
    const how = this.plan.deeds.find((what) => /^(?:answer|throw)/.test(what)) ?? 'answer text'
    const { how: model, make, isThrown } = this.settlement(how)
    const result = make()
    // What is to be drained has to be waited for.
    if (this.world.model.rules.buffer && !isThrown) this.model!.returnedPromise()
    this.model!.settle(model)
    if (isThrown) throw result
    return result as HandlerResult
  }

  private handlerDoes(what: string, model: ModelRequest): void {
    const scope = scopeOf(this.request)
    const { now } = this.world.model
    const [verb, number] = what.split(' ')
    const ms = Number(number)
    if (verb === 'set') {
      model.move(now + ms)
      scope.deadline.set(ms)
    } else if (verb === 'extend') {
      model.extend(ms)
      scope.deadline.extend(ms)
    } else if (verb === 'disable') {
      model.move(Number.POSITIVE_INFINITY)
      scope.deadline.disable()
    } else if (verb === 'escape') {
      model.escape()
      scope.escaped(new Error('escaped'))
    } else if (what === 'read signal') {
      model.readSignal()
      this.readSignal()
    } else if (what === 'write') {
      model.write()
      this.write()
    } else if (verb === 'end' || what === 'break body') {
      this.endBody(verb === 'break')
    } else this.settle(what)
  }

  private readSignal(): void {
    const { signal } = this.request
    if (this.isRead) return
    this.isRead = true
    const abort = (): void => {
      // Whoever is told to stop can already see why.
      expect(scopeOf(this.request).outcome).toBeDefined()
      this.aborts.push(signal.reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
  }

  private write(): void {
    const scope = scopeOf(this.request)
    const { outcome } = scope
    try {
      scope.response.write('written')
      expect(outcome).toBeUndefined()
    } catch (error) {
      expect(outcome).toBeDefined()
      if (scope.reason) expect(error).toBe(scope.reason)
    }
  }

  private settle(what: string): void {
    if (this.hasSettled) return
    this.hasSettled = true
    const { how, make, isThrown } = this.settlement(what)
    const result = make()
    this.model!.settle(how)
    if (isThrown) this.work.reject(result)
    else this.work.resolve(result as HandlerResult)
  }

  private settlement(what: string): { how: Settlement; make: () => unknown; isThrown: boolean } {
    const isThrown = what.startsWith('throw')
    const reason = scopeOf(this.request).reason
    if (what === 'answer text') return { how: 'response', make: () => new Response('text'), isThrown }
    if (what === 'answer stream') return { how: 'stream', make: () => this.streamed(), isThrown }
    if (what === 'answer nothing') return { how: 'nothing', make: () => undefined, isThrown }
    if (what === 'throw AbortError') {
      const make = () => Object.assign(new Error('aborted'), { name: 'AbortError' })
      return { how: 'cancellation', make, isThrown }
    }
    if (what === 'throw reason' && reason) return { how: 'cancellation', make: () => reason, isThrown }
    if (what === 'throw response') {
      return { how: 'thrown response', make: () => new Response('no', { status: 404 }), isThrown }
    }
    return { how: 'error', make: () => new Error('boom'), isThrown }
  }

  private streamed(): Response {
    const body = source()
    this.streams.push(body)
    return new Response(body.stream)
  }

  private endBody(isBroken: boolean): void {
    for (const body of this.streams) {
      try {
        if (isBroken) body.fail(new Error('body'))
        else {
          body.write('stream')
          body.end()
        }
      } catch {
        // It is over, or nobody wants it.
        continue
      }
      this.model!.drained(isBroken)
    }
  }

  finish(): void {
    if (this.model?.ran) {
      this.settle('answer text')
      this.endBody(false)
    }
  }

  async read(): Promise<void> {
    const response = await soon(this.reply!)
    this.text = response.body
      ? await soon(response.text()).catch((error: Error) => `broke: ${error.message}`)
      : ''
  }
}

async function play(plan: Plan, scheduler: fc.Scheduler): Promise<void> {
  const world = new World(plan)
  await world.live(scheduler)
  checkBooks(world)
  await world.end()
  checkBooks(world)
  for (const exchange of world.exchanges) checkEnding(world, exchange)
  checkRest(world)
}

/** At any time, what is going on is what the guard says is going on. */
function checkBooks({ model, app }: World): void {
  const { active, abandoned, lateWrites, escaped, refused } = app.stats
  const requests = model.requests
  const rejected = (reason: string) =>
    requests.filter(({ ending }) => ending?.kind === 'rejected' && ending.detail === reason).length
  const sum = (number: (request: ModelRequest) => number) =>
    requests.reduce((total, each) => total + number(each), 0)
  expect({ active, abandoned, lateWrites, escaped, refused }).toEqual({
    active: model.active,
    abandoned: model.abandoned,
    lateWrites: sum((each) => each.lateWrites),
    escaped: sum((each) => each.escapes),
    refused: {
      expired: 0,
      malformed: 0,
      overloaded: rejected('overloaded'),
      shutdown: rejected('shutdown'),
    },
  })
}

/** One ending, the right one, told once; one response; and the handler knows. */
function checkEnding(world: World, exchange: Exchange): void {
  const { request, response, client, streams, aborts, text } = exchange
  const model = exchange.model!
  const { kind, detail } = model.ending!
  const outcome = world.outcomes.get(request)!

  const told = world.told.get(request)!
  const late = model.late ? [`late ${model.late}`] : []
  const escapes = model.escapes - (model.escapedFrom ? 1 : 0)
  expect(told[0]).toBe('outcome')
  expect(told.slice(1).sort()).toEqual([...Array(escapes).fill('escaped'), ...late].sort())
  expect([outcome.kind, detailOf(outcome, detail)]).toEqual([kind, detail])

  expect(client.sent).toBe(exchange.isAttached ? 1 : 0)
  expect(response).toBeInstanceOf(Response)
  if (detail !== 'writing' && detail !== 'streaming') expect(response!.status).toBe(outcome.status)
  // A body reaches the client, or is cancelled.
  for (const { cancelled } of streams) {
    const isSent = model.late === undefined && response!.status === 200
    expect(cancelled).toHaveLength(isSent ? 0 : cancelled.length)
    if (isSent) expect(text).toMatch(/^(?:stream|broke: body)$/)
  }

  if (!model.ran) return
  const scope = scopeOf(request)
  expect(scope.outcome).toBe(outcome)
  expect(scope.reason && 'code' in scope.reason ? scope.reason.code : undefined).toBe(model.reason)
  expect(aborts).toHaveLength(model.reason && model.signalRead ? 1 : 0)
  for (const reason of aborts) expect(reason).toBe(scope.reason)
}

function detailOf(outcome: Outcome, expected: string): string {
  if (outcome.kind === 'completed') return ''
  if (outcome.kind === 'rejected') return outcome.reason
  if (outcome.kind !== 'failed' || outcome.phase !== 'handling') return outcome.phase
  if (outcome.escaped) return 'escaped'
  const { code } = outcome.error as { code?: string }
  return code === 'SHUTDOWN' && expected === 'shutdown' ? 'shutdown' : 'handler'
}

/** Nothing is left: neither timer nor listener, nor anything that the books still wait for. */
function checkRest(world: World): void {
  const { clock, app, stopListeners, exchanges, failedHooks, shedding } = world
  const { hookFailures, hooksPending, hooksDropped, outcomes } = app.stats
  expect(clock.pending).toBe(0)
  expect({ hookFailures, hooksPending, hooksDropped }).toEqual({
    hookFailures: failedHooks,
    hooksPending: 0,
    hooksDropped: 0,
  })
  expect(Object.values(outcomes).reduce((sum, n) => sum + n)).toBe(exchanges.length)
  expect(stopListeners()).toBeLessThanOrEqual(1)
  expect(shedding).toEqual(shedding.map((_, i) => (i % 2 ? 'stopped' : 'started')))
  expect(shedding.length % 2).toBe(0)
  for (const { listeners, model } of exchanges) expect(listeners()).toBe(model!.followed ? 1 : 0)
}

const rejections: unknown[] = []
const onRejection = (error: unknown): void => void rejections.push(error)
const { process } = globalThis as {
  process?: Record<'on' | 'off', (event: 'unhandledRejection', listener: typeof onRejection) => unknown>
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  process?.on?.('unhandledRejection', onRejection)
})

afterEach(() => {
  process?.off?.('unhandledRejection', onRejection)
  vi.restoreAllMocks()
})

test('the first to have its say ends a request, once, and nothing is left of it, in whatever order it all happens', async () => {
  await tryOften(
    300,
    fc.asyncProperty(world, fc.scheduler(), async (plan, scheduler) => {
      await play(plan, scheduler)
      expect(rejections).toEqual([])
    }),
  )
})
