import { type Clock, LONGEST_TIMER_MS } from '../clock.ts'
import { isWorkerd } from '../is-workerd.ts'
import type { Report } from './report.ts'

/** How many crashes are told apart at once. When there are more, the oldest one's count is told early. */
const MAX_CRASHES = 200

/** Is told of a crash whose while has passed, how often it happened again, and when it did so last. */
export type Tell = (first: Report, count: number, lastTime: Date) => void

interface Crash {
  readonly first: Report
  readonly timer: unknown
  readonly endsAt: number
  count: number
  lastTime: Date
}

/** Tells the first of many like crashes from its repeats, and how many there were once a while has passed. */
export class Repeats {
  /** How many were only counted. */
  total = 0
  private readonly clock: Clock
  private readonly dedupeMs: number
  private readonly tell: Tell
  private readonly crashes = new Map<string, Crash>()

  constructor(clock: Clock, dedupeMs: number, tell: Tell) {
    this.clock = clock
    this.dedupeMs = dedupeMs
    this.tell = tell
  }

  /** Whether there was one with this identity a while ago; then it is counted. */
  counts(identity: string, time: Date): boolean {
    this.closePast()
    const crash = this.crashes.get(identity)
    if (!crash) return false
    crash.count++
    crash.lastTime = time
    this.total++
    return true
  }

  /** How many crashes are told apart right now. */
  get open(): number {
    return this.crashes.size
  }

  /** From now on those with this identity are repeats of the one that is reported. */
  start(identity: string, first: Report): void {
    if (this.dedupeMs === 0) return
    if (this.crashes.size >= MAX_CRASHES) this.close(this.crashes.keys().next().value!)
    const endsAt = this.clock.now() + this.dedupeMs
    const timer = this.startTimer(identity)
    this.crashes.set(identity, { first, timer, endsAt, count: 0, lastTime: new Date(0) })
  }

  /** Tells all counts now. */
  closeAll(): void {
    for (const identity of [...this.crashes.keys()]) this.close(identity)
  }

  /** On workerd a timer is dropped with the request that set it, and with it what it has begun. */
  private startTimer(identity: string): unknown {
    if (isWorkerd) return undefined
    const timer = this.clock.setTimeout(() => this.close(identity), Math.min(this.dedupeMs, LONGEST_TIMER_MS))
    // Only to tell a count, no process should live longer; `flush()` tells it, too.
    ;(timer as { unref?(): void } | undefined)?.unref?.()
    return timer
  }

  /** Where there are no timers, a count is told by the next crash, whichever that is. */
  private closePast(): void {
    const now = this.clock.now()
    for (const [identity, { endsAt }] of this.crashes) {
      if (endsAt > now) return
      this.close(identity)
    }
  }

  private close(identity: string): void {
    const crash = this.crashes.get(identity)
    if (!crash) return
    this.crashes.delete(identity)
    const { first, timer, count, lastTime } = crash
    this.clock.clearTimeout(timer)
    if (count > 0) this.tell(first, count, lastTime)
  }
}
