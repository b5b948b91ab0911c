import type { Clock } from './clock.ts'
import { InvalidOptionError } from './errors.ts'

// Taken at once: test runners replace the global one by a clock that stands still, too.
const { setTimeout: realSetTimeout } = globalThis

const EPOCH_MS = Date.UTC(2026, 0)

interface Timer {
  readonly id: number
  readonly dueAt: number
  readonly callback: () => void
}

/**
 * A clock that stands still until it is told to move, so that deadlines are tested without sleeping.
 *
 * @example
 * ```ts
 * const clock = new ManualClock()
 * const reply = guard(never, { timeoutMs: 5_000, clock })(request)
 * await clock.advance(5_000)
 * expect((await reply).status).toBe(503)
 * ```
 */
export class ManualClock implements Clock {
  private time = 0
  private lastId = 0
  private timers: Timer[] = []

  now(): number {
    return this.time
  }

  /** The instant 2026-01-01T00:00:00Z, and what the clock has moved on by since it was made. */
  epochNow(): number {
    return EPOCH_MS + this.time
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer = { id: ++this.lastId, dueAt: this.time + ms, callback }
    this.timers.push(timer)
    return timer.id
  }

  clearTimeout(id: unknown): void {
    this.timers = this.timers.filter((timer) => timer.id !== id)
  }

  /** How many timers are set. */
  get pending(): number {
    return this.timers.length
  }

  /** Moves on by `ms` milliseconds; each timer fires at its own time, and promises settle in between. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new InvalidOptionError('ms', 'milliseconds', ms)
    const until = this.time + ms
    for (;;) {
      await settled()
      const next = this.earliest(until)
      if (!next) break
      this.time = Math.max(this.time, next.dueAt)
      this.clearTimeout(next.id)
      next.callback()
    }
    this.time = Math.max(this.time, until)
    await settled()
  }

  /** Moves on by `ms` milliseconds with nothing running, as when the event loop is blocked. */
  block(ms: number): void {
    this.time += ms
  }

  private earliest(until: number): Timer | undefined {
    const due = this.timers.filter((timer) => timer.dueAt <= until)
    return due.sort((a, b) => a.dueAt - b.dueAt || a.id - b.id)[0]
  }
}

/** Lets every promise that can settle do so: some take many turns, body streams the most. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => realSetTimeout(resolve, 0))
}
