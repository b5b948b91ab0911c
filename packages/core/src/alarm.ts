import { type Clock, LONGEST_TIMER_MS } from './clock.ts'

/** Past this the event loop was blocked: what is ready to be read gets one turn before the alarm rings. */
const BLOCKED_MS = 10

/**
 * One timer for an instant that may move: never early, any distance away. Moving it later costs nothing, because
 * the timer finds out when it fires. After `clear()` it does not ring until it is set again.
 */
export class Alarm {
  private readonly clock: Clock
  private readonly ring: (lateMs: number) => void
  private dueAt = Number.POSITIVE_INFINITY
  private firesAt = Number.POSITIVE_INFINITY
  private timer: unknown
  private deferred = false

  constructor(clock: Clock, ring: (lateMs: number) => void) {
    this.clock = clock
    this.ring = ring
  }

  /** Rings at `dueAt` on the clock; `Infinity` means never. */
  set(dueAt: number, now: number = this.clock.now()): void {
    this.dueAt = dueAt
    // One turn is enough for what is late already, however often it is set meanwhile.
    if (dueAt > now) this.deferred = false
    if (dueAt < this.firesAt) this.arm(now)
  }

  clear(): void {
    this.dueAt = Number.POSITIVE_INFINITY
    this.disarm()
  }

  private arm(now: number): void {
    this.disarm()
    if (this.dueAt === Number.POSITIVE_INFINITY) return
    const ms = Math.min(Math.max(Math.ceil(this.dueAt - now), 0), LONGEST_TIMER_MS)
    this.firesAt = now + ms
    this.timer = this.clock.setTimeout(() => this.fire(), ms)
  }

  private disarm(): void {
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer)
    this.timer = undefined
    this.firesAt = Number.POSITIVE_INFINITY
  }

  private fire(): void {
    this.timer = undefined
    this.firesAt = Number.POSITIVE_INFINITY
    const now = this.clock.now()
    const lateMs = now - this.dueAt
    if (lateMs < 0) return this.arm(now)
    // A timer that is this late was not the only thing to wait: a response that has arrived in the meantime is
    // still in the socket, and would lose to the timer only because timers are looked at first.
    if (lateMs > BLOCKED_MS && !this.deferred) {
      this.deferred = true
      return this.arm(now)
    }
    this.deferred = false
    this.dueAt = Number.POSITIVE_INFINITY
    this.ring(lateMs)
  }
}
