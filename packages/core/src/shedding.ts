import { type Keeper, notify } from './notify.ts'
import type { Policy } from './options.ts'

/** A guard began to refuse requests because it has too much to do, or it takes all of them again. */
export interface Shedding {
  readonly kind: 'started' | 'stopped'
  /** What was reached when it started. */
  readonly limit: 'maxConcurrent' | 'maxAbandoned'
  /** Requests that were refused since then. */
  readonly refused: number
  /** Milliseconds from the first of them to the last. */
  readonly elapsedMs: number
}

/** How long nobody may have been refused before it counts as over, in milliseconds: at its limit, a guard sways. */
const QUIET_MS = 1_000

type Limits = Pick<Policy, 'counters' | 'clock' | 'maxConcurrent' | 'maxAbandoned'>

/** Follows how a guard sheds requests, and tells when that starts and when it stops. Until it starts, it costs nothing. */
export class SheddingWatch {
  private readonly policy: Limits
  private readonly hook: (shedding: Shedding) => unknown
  private limit: Shedding['limit'] = 'maxConcurrent'
  private count = 0
  private firstAt = 0
  private lastAt = 0

  constructor(policy: Limits, hook: (shedding: Shedding) => unknown) {
    this.policy = policy
    this.hook = hook
  }

  /** A request is refused. */
  refused(keeper: Keeper): void {
    this.lastAt = this.policy.clock.now()
    if (++this.count > 1) return
    this.firstAt = this.lastAt
    this.limit = this.policy.counters.abandoned >= this.policy.maxAbandoned ? 'maxAbandoned' : 'maxConcurrent'
    this.tell('started', keeper)
    this.look()
  }

  private look(): void {
    const { clock, counters, maxConcurrent, maxAbandoned } = this.policy
    const leftMs = this.lastAt + QUIET_MS - clock.now()
    const isFull = counters.active >= maxConcurrent || counters.abandoned >= maxAbandoned
    if (leftMs <= 0 && !isFull) {
      this.tell('stopped', nobody)
      this.count = 0
      return
    }
    const timer = clock.setTimeout(() => this.look(), leftMs > 0 ? leftMs : QUIET_MS)
    // It is no reason for a process to live on.
    ;(timer as { unref?(): void } | undefined)?.unref?.()
  }

  private tell(kind: Shedding['kind'], keeper: Keeper): void {
    const { limit, count: refused } = this
    notify(this.policy, keeper, this.hook, { kind, limit, refused, elapsedMs: this.lastAt - this.firstAt })
  }
}

const nobody: Keeper = { keepAlive() {} }
