import { Alarm } from './alarm.ts'
import { boundedFetch, LEAST_MS, refusalOf } from './bounded-fetch.ts'
import type { Clock } from './clock.ts'
import { StepTimeoutError } from './errors.ts'
import type { Fetch, Outbound } from './outbound.ts'
import type { ChildDeadline, Remaining, StepLimits } from './remaining.ts'

/** What work has to keep to: a signal and a deadline. The scope of a request is one, and so is each step of it. */
export abstract class Budget {
  /** Aborts when the time is over, or nobody waits any more. */
  abstract get signal(): AbortSignal
  /** The time that there is. */
  abstract get deadline(): Remaining
  /** @internal The signal, and those that go on after it has had its say. */
  abstract get signals(): readonly AbortSignal[]
  /** @internal */
  abstract get clock(): Clock
  /** @internal */
  abstract get outbound(): Outbound

  /**
   * `fetch()` within this budget. The request, and the reading of its response, end with the signal (and with `init.signal`,
   * if there is one, whichever is first), and its headers say how long there is, as the guard's `outbound` has it. A
   * deadline that the caller has put into the headers itself is shortened to that, never lengthened. When nothing is left
   * beyond the reserve it rejects before anything is sent. It needs no `this`, and so goes wherever a `fetch` does.
   *
   * What is read of a response after a step has ended is followed by the request that the step was part of.
   *
   * @throws the signal's reason once it is aborted; {@link NoTimeLeftError} when nothing is left but it has not aborted yet;
   *   what `fetch()` rejects with
   *
   * @example
   * ```ts
   * const { fetch } = scopeOf(request)
   * const response = await fetch('http://127.0.0.1:8080/users', { method: 'POST', body })
   * const users = await ky.create({ fetch }).get('http://127.0.0.1:8080/users').json()
   * ```
   */
  get fetch(): Fetch {
    return (input, init) => boundedFetch(this, input, init)
  }

  /**
   * Runs a part of the work within a part of the time: `work` is given a budget of its own, which ends before this one or
   * with it, also when this one is shortened meanwhile. When the step's time is over, its signal aborts with a
   * {@link StepTimeoutError} and the promise rejects with it, even if the work ignores that; the request goes on. When
   * the request ends, that is with the reason of its own signal. What the work does afterwards reaches nobody. Once it has
   * settled nothing of the step is left, neither timer nor listener.
   *
   * @throws {InvalidOptionError} for limits that are none
   * @throws {StepTimeoutError} when the step's time is over
   * @throws the signal's reason once it is aborted; {@link NoTimeLeftError} when nothing is left; what `work` throws
   *
   * @example
   * ```ts
   * const scope = scopeOf(request)
   * const prices = await scope
   *   .step({ share: 0.5, maxMs: 300 }, async ({ fetch }) => (await fetch(url)).json())
   *   .catch(() => lastKnownPrices)
   * ```
   */
  async step<T>(limits: StepLimits, work: (step: Budget) => T | PromiseLike<T>): Promise<T> {
    const deadline = this.deadline.child(limits)
    const refusal = refusalOf(this, LEAST_MS)
    if (refusal !== undefined) throw refusal
    return new Step(this, deadline).run(work)
  }
}

class Step extends Budget {
  readonly deadline: ChildDeadline
  private readonly parent: Budget
  private readonly controller = new AbortController()
  private readonly alarm: Alarm
  private reject: (reason: unknown) => void = () => {}

  constructor(parent: Budget, deadline: ChildDeadline) {
    super()
    this.parent = parent
    this.deadline = deadline
    this.alarm = new Alarm(parent.clock, () => this.stop(new StepTimeoutError(deadline.timeoutMs)))
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  get signals(): readonly AbortSignal[] {
    return [this.signal, ...this.parent.signals]
  }

  get clock(): Clock {
    return this.parent.clock
  }

  get outbound(): Outbound {
    return this.parent.outbound
  }

  run<T>(work: (step: Budget) => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.reject = reject
      this.parent.signal.addEventListener('abort', this.onParent)
      this.alarm.set(this.deadline.ownDueAt)
      const end = (settle: () => void): void => {
        this.release()
        settle()
      }
      new Promise<T>((begun) => begun(work(this))).then(
        (result) => end(() => resolve(result)),
        (error) => end(() => reject(error)),
      )
    })
  }

  private readonly onParent = (): void => this.stop(this.parent.signal.reason)

  /** Decided before anybody is told: what the work does about it cannot change it. */
  private stop(reason: unknown): void {
    this.release()
    this.reject(reason)
    this.controller.abort(reason)
  }

  private release(): void {
    this.alarm.clear()
    this.parent.signal.removeEventListener('abort', this.onParent)
  }
}
