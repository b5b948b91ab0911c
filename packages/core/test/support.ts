import type { Client, ClientWatcher } from '../src/client.ts'
import type { GuardOptions, LateSettlement, Outcome } from '../src/index.ts'
import { ManualClock } from '../src/manual-clock.ts'

/** Options that stop the time and keep what the guard tells. */
export function observed(options: GuardOptions = {}) {
  const clock = new ManualClock()
  const outcomes: Outcome[] = []
  const late: LateSettlement[] = []
  return {
    clock,
    outcomes,
    late,
    options: {
      clock,
      onOutcome: (outcome: Outcome) => void outcomes.push(outcome),
      onLateSettlement: (settlement: LateSettlement) => void late.push(settlement),
      ...options,
    } satisfies GuardOptions,
  }
}

export function get(path = '/', init?: RequestInit): Request {
  return new Request(`http://localhost${path}`, init)
}

export const never = (): Promise<Response> => new Promise(() => {})

/** Where these tests run. */
export function thisRuntime(): { name: string; version: string } {
  const { bun, deno, node } = process.versions
  if (bun) return { name: 'bun', version: bun }
  return deno ? { name: 'deno', version: deno } : { name: 'node', version: node }
}

/** `throw`, where an expression is needed. */
export function raise(value: unknown): never {
  throw value
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (error: unknown) => void
}

export function deferred<T = Response | undefined>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve']
  let reject!: Deferred<T>['reject']
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}

/** What comes back without any time passing; an error instead of a test that hangs. */
export function soon<T>(value: T | PromiseLike<T>): Promise<T> {
  const tooLong = new ManualClock().advance(0).then(() => {
    throw new Error('Nothing came back in time')
  })
  return Promise.race([value, tooLong])
}

/** What is thrown, now or later. */
export async function thrownBy(action: () => unknown): Promise<unknown> {
  try {
    await soon(action())
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown')
}

type Facts = Partial<Pick<Client, 'closed' | 'cheap' | 'tellsDelivery' | 'upgrading'>>

/** The other side of a connection, played by the test. */
export class FakeClient implements Client {
  closed: boolean
  readonly cheap: boolean
  readonly tellsDelivery: boolean
  readonly upgrading: boolean
  watchers = 0
  private watcher: ClientWatcher | undefined

  constructor({ closed = false, cheap = true, tellsDelivery = false, upgrading = false }: Facts = {}) {
    this.closed = closed
    this.cheap = cheap
    this.tellsDelivery = tellsDelivery
    this.upgrading = upgrading
  }

  watch(watcher: ClientWatcher): void {
    this.watcher = watcher
    this.watchers++
    if (this.closed) watcher.clientClosed()
  }

  unwatch(): void {
    if (this.watcher) this.watchers--
    this.watcher = undefined
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.watcher?.clientClosed()
  }

  deliver(): void {
    this.watcher?.delivered()
  }

  break(error: unknown, status?: number): void {
    this.watcher?.broke(error, status)
  }

  shutDown(): void {
    this.watcher?.shutDown()
  }
}

/** A request of a runtime where the test sees who touches the signal. */
export function watchedRequest(init?: RequestInit) {
  const controller = new AbortController()
  const seen = { reads: 0, added: 0, removed: 0 }
  const { signal } = controller
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  const listening = new Set<unknown>()
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
    seen.added++
    listening.add(args[1])
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => {
    seen.removed++
    listening.delete(args[1])
    remove(...args)
  }
  const request = get('/', init)
  const prototype = Object.create(Object.getPrototypeOf(request), {
    signal: {
      get() {
        seen.reads++
        return signal
      },
    },
  })
  Object.setPrototypeOf(request, prototype)
  const close = (reason?: unknown): void => controller.abort(reason)
  return { request, seen, signal, close, listeners: () => listening.size }
}

/** A body that the test writes while it is read. */
export function source() {
  let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>
  const cancelled: unknown[] = []
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(own) {
      controller = own
    },
    cancel(reason) {
      cancelled.push(reason)
    },
  })
  return {
    stream,
    cancelled,
    write: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    fail: (error: unknown) => controller.error(error),
  }
}

/** A response that says how often its body was looked at. */
export function spiedResponse(body: BodyInit | null = 'hello', init?: ResponseInit) {
  const seen = { reads: 0 }
  class SpiedResponse extends Response {}
  const response = new SpiedResponse(body, init)
  const own = response.body
  Object.defineProperty(response, 'body', {
    get() {
      seen.reads++
      return own
    },
  })
  return { response, seen }
}

/** Values that handlers throw, besides errors; made when they are needed, for test runners print what they see. */
export const oddities: [name: string, make: () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['a string', () => 'boom'],
  ['a number', () => 0],
  ['a symbol', () => Symbol('boom')],
  ['a frozen object', () => Object.freeze({ boom: true })],
  ['an object without a prototype', () => Object.create(null)],
  ['an error with throwing getters', hostileError],
  ['a proxy that throws at every touch', hostileProxy],
]

function hostileError(): unknown {
  const get = (): never => {
    throw new Error('Getter was called')
  }
  return Object.defineProperties(Object.create(Error.prototype), {
    name: { get },
    message: { get },
    cause: { get },
    stack: { get },
    getResponse: { get },
  })
}

function hostileProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** How many listen to a signal, from now on. */
export function countListeners(signal: AbortSignal): () => number {
  const listening = new Set<unknown>()
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<AbortSignal['addEventListener']>) => {
    listening.add(args[1])
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<AbortSignal['removeEventListener']>) => {
    listening.delete(args[1])
    remove(...args)
  }
  return () => listening.size
}
