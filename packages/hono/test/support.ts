import type { GuardOptions, LateSettlement, Outcome } from '@curfew/core'
import { ManualClock } from '@curfew/core/testing'

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
      timeoutMs: 100,
      onOutcome: (outcome: Outcome) => void outcomes.push(outcome),
      onLateSettlement: (settlement: LateSettlement) => void late.push(settlement),
      ...options,
    } satisfies GuardOptions,
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (error: unknown) => void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve']
  let reject!: Deferred<T>['reject']
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}

export const never = (): Promise<never> => new Promise(() => {})

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
