import { LONGEST_TIMER_MS } from '@curfew/core'
import {
  ExponentialBackoff,
  halfJitterGenerator,
  handleWhen,
  type IBackoff,
  retry,
  TimeoutStrategy,
  timeout,
} from 'cockatiel'
import { Breaker, SparedError } from './breaker.ts'
import { pause } from './pause.ts'
import { Places } from './places.ts'
import { AttemptError, type Parcel, post, type Target } from './post.ts'
import { WebhookError } from './webhook-error.ts'

/** How hard a courier tries. */
export interface Limits {
  readonly concurrency: number
  readonly attemptMs: number
  readonly retries: number
  readonly backoffMs: number
  readonly maxPauseMs: number
  readonly breakAfter: number
  readonly breakMs: number
}

const passing = handleWhen((error) => error instanceof AttemptError && error.retry)

/** Takes parcels to one receiver: so many at a time, each as often as it needs, none while the receiver is down. */
export class Courier {
  private readonly target: Target
  private readonly limits: Limits
  private readonly places
  private readonly breaker: Breaker
  private readonly attemptTime
  private readonly backoff

  constructor(target: Target, limits: Limits) {
    this.target = target
    this.limits = limits
    this.places = new Places(limits.concurrency)
    this.breaker = new Breaker(limits.breakAfter, limits.breakMs)
    this.attemptTime = timeout(Math.min(limits.attemptMs, LONGEST_TIMER_MS), TimeoutStrategy.Cooperative)
    this.backoff = new ExponentialBackoff({
      generator: halfJitterGenerator,
      initialDelay: limits.backoffMs,
      maxDelay: limits.maxPauseMs,
    })
  }

  /**
   * Resolves when the receiver has accepted it.
   *
   * @throws {WebhookError} once it is given up, which an aborted signal hurries
   */
  async deliver(parcel: Parcel, signal: AbortSignal): Promise<void> {
    const trip = new Trip(this.backoff, this.limits.maxPauseMs)
    // Cockatiel cannot cut short its own pauses between attempts, so they are none, and ours come first.
    const policy = retry(passing, { maxAttempts: this.limits.retries })
    try {
      await policy.execute(async () => {
        await trip.pause(signal)
        signal.throwIfAborted()
        await this.attempt(parcel, signal, trip)
      }, signal)
    } catch (error) {
      throw this.givenUp(error, trip)
    }
  }

  private attempt(parcel: Parcel, signal: AbortSignal, trip: Trip): Promise<void> {
    const once = async (): Promise<void> => {
      signal.throwIfAborted()
      trip.attempts++
      await trip.follow(
        this.attemptTime.execute((attempt) => post(this.target, parcel, attempt.signal), signal),
      )
    }
    return this.places.run(async () => {
      // Whether the receiver is up again is not for one to find out who is not waited for any more.
      signal.throwIfAborted()
      await this.breaker.run(once, signal)
    })
  }

  private givenUp(error: unknown, { attempts, last }: Trip): WebhookError {
    const { origin } = this.target.url
    const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`
    const details = { status: last?.status, attempts }
    if (error instanceof SparedError) {
      const failures = `failed ${this.limits.breakAfter} times in a row, last: ${error.message}`
      return new WebhookError(`Webhook is spared after ${times}: ${origin} ${failures}`, details)
    }
    if (error === last)
      return new WebhookError(`Webhook failed after ${times}: ${origin} ${last?.message}`, details)
    return new WebhookError(`Webhook failed after ${times}: ${origin}`, { ...details, cause: error })
  }
}

/** How far one delivery has got. */
class Trip {
  attempts = 0
  last: AttemptError | undefined
  private backoff: IBackoff<unknown> | undefined
  private readonly factory: ExponentialBackoff<number>
  private readonly maxPauseMs: number

  constructor(factory: ExponentialBackoff<number>, maxPauseMs: number) {
    this.factory = factory
    this.maxPauseMs = maxPauseMs
  }

  /** Before each attempt but the first: what the receiver has asked for, or longer. */
  async pause(signal: AbortSignal): Promise<void> {
    if (!this.last) return
    this.backoff = this.backoff ? this.backoff.next(undefined) : this.factory.next()
    const ms = Math.max(this.backoff.duration, this.last.retryAfterMs ?? 0)
    await pause(Math.min(ms, this.maxPauseMs), signal)
  }

  async follow(attempt: Promise<void>): Promise<void> {
    try {
      await attempt
    } catch (error) {
      if (error instanceof AttemptError) this.last = error
      throw error
    }
  }
}
