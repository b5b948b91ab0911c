import type { Clock } from '../clock.ts'

/** So many a minute, all at once or spread out. */
export class RateLimit {
  private readonly clock: Clock
  private readonly perMinute: number
  private left: number
  private at: number

  constructor(clock: Clock, perMinute: number) {
    this.clock = clock
    this.perMinute = perMinute
    this.left = perMinute
    this.at = clock.now()
  }

  /** Whether there may be one more, which then is taken. */
  take(): boolean {
    if (this.perMinute === Number.POSITIVE_INFINITY) return true
    const now = this.clock.now()
    this.left = Math.min(this.perMinute, this.left + ((now - this.at) / 60_000) * this.perMinute)
    this.at = now
    if (this.left < 1) return false
    this.left--
    return true
  }
}
