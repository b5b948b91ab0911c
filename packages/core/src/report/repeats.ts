import { type Clock, LONGEST_TIMER_MS } from '../clock.ts'
import type { Report } from './report.ts'

/** How many crashes are told apart at once. When there are more, the oldest one's count is told early. */
const MAX_CRASHES = 200

interface Crash {
  readonly first: Report
  readonly timer: unknown
  count: number
  lastTime: string
}

/** Tells the first of many like crashes from its repeats, and how many there were once a while has passed. */
export class Repeats {
  /** How many were only counted. */
  total = 0
  private readonly clock: Clock
  private readonly dedupeMs: number
  private readonly tell: (count: Report) => void
  private readonly crashes = new Map<string, Crash>()

  constructor(clock: Clock, dedupeMs: number, tell: (count: Report) => void) {
    this.clock = clock
    this.dedupeMs = dedupeMs
    this.tell = tell
  }

  /** Whether there was one like it a while ago; then it is counted. */
  counts(report: Report): boolean {
    const crash = this.crashes.get(report.fingerprint)
    if (!crash) return false
    crash.count++
    crash.lastTime = report.time
    this.total++
    return true
  }

  /** How many crashes are told apart right now. */
  get open(): number {
    return this.crashes.size
  }

  /** From now on those like it are repeats. */
  start(report: Report): void {
    if (this.dedupeMs === 0) return
    const { fingerprint } = report
    if (this.crashes.size >= MAX_CRASHES) this.close(this.crashes.keys().next().value!)
    const timer = this.clock.setTimeout(
      () => this.close(fingerprint),
      Math.min(this.dedupeMs, LONGEST_TIMER_MS),
    )
    // Only to tell a count, no process should live longer; `flush()` tells it, too.
    ;(timer as { unref?(): void } | undefined)?.unref?.()
    this.crashes.set(fingerprint, { first: report, timer, count: 0, lastTime: report.time })
  }

  /** Tells all counts now. */
  closeAll(): void {
    for (const fingerprint of [...this.crashes.keys()]) this.close(fingerprint)
  }

  private close(fingerprint: string): void {
    const crash = this.crashes.get(fingerprint)
    if (!crash) return
    this.crashes.delete(fingerprint)
    const { first, timer, count, lastTime } = crash
    this.clock.clearTimeout(timer)
    if (count === 0) return
    this.tell(Object.freeze({ ...first, id: crypto.randomUUID(), time: lastTime, count, repeatOf: first.id }))
  }
}
