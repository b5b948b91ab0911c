import { BLOCKED_MS } from './alarm.ts'
import { type Clock, LONGEST_TIMER_MS, systemClock } from './clock.ts'
import { outside } from './own-context.ts'

/** Somebody who waits, linked between two others. */
export interface Waiting {
  /** Since when, on the clock of the list. */
  readonly startedAt: number
  previous: Link | undefined
  next: Link | undefined
  /** The time is over, and it is out of the list. Called in the async context of nobody. It must not throw. */
  ring(): void
}

type Link = Waiting | WaitingList

/** For how long, in milliseconds, and how many are told in one turn of the event loop; some do their work after it. */
const SLICE_MS = 8
const SLICE = 1_000

/** Up to this, in milliseconds, a timer may outlive the last who waits, which costs less than one for each of them. */
const PARKED_MS = 50

/** A timer that is this late, in milliseconds, is none any more: tests throw fake ones away. */
const LOST_MS = 100

/**
 * Those who wait for the same number of milliseconds, on one timer: who comes first is due first, so that to come and to
 * go costs a few assignments. Never early. When many are due at once, the event loop has its turn in between.
 */
export class WaitingList {
  readonly ms: number
  previous: Link = this
  next: Link = this
  private readonly clock: Clock
  private timer: unknown
  private firesAt = Number.POSITIVE_INFINITY
  private deferred = false

  constructor(clock: Clock, ms: number) {
    this.clock = clock
    this.ms = ms
  }

  add(waiting: Waiting): void {
    const { startedAt } = waiting
    let last = this.previous
    // Hardly ever, for who comes later has mostly begun later.
    while (last !== this && (last as Waiting).startedAt > startedAt) last = last.previous!
    const next = last.next!
    waiting.previous = last
    waiting.next = next
    last.next = waiting
    next.previous = waiting
    const dueAt = startedAt + this.ms
    if (dueAt < this.firesAt || startedAt > this.firesAt + LOST_MS) this.start(dueAt)
  }

  /** A timer keeps the async context in which it was set, and this one is not for the request that happens to be first. */
  private start(dueAt: number): void {
    if (this.clock !== systemClock) return this.arm()
    this.firesAt = dueAt
    outside(() => this.arm())
  }

  /** The last has gone. */
  emptied(): void {
    this.deferred = false
    if (this.clock !== systemClock || this.ms > PARKED_MS) this.disarm()
  }

  private arm(): void {
    this.disarm()
    if (this.next === this) return
    const now = this.clock.now()
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
    const now = this.clock.now()
    // As an alarm does: what is ready to be read comes first.
    const isBlocked = now - this.dueAt > BLOCKED_MS
    this.deferred = isBlocked && !this.deferred
    if (!this.deferred) this.deferred = this.tell(now)
    this.arm()
  }

  /** Tells a slice of those who are due; with whether there are more. */
  private tell(now: number): boolean {
    for (let told = 0; this.dueAt <= now; told++) {
      if (told === SLICE || this.clock.now() - now > SLICE_MS) return true
      const first = this.next as Waiting
      leave(first)
      first.ring()
    }
    return false
  }

  /** When the first of them is. */
  private get dueAt(): number {
    return this.next === this ? Number.POSITIVE_INFINITY : (this.next as Waiting).startedAt + this.ms
  }
}

/** Leaves the list that it is in, if any. */
export function leave(waiting: Waiting): void {
  const { previous, next } = waiting
  if (!previous || !next) return
  previous.next = next
  next.previous = previous
  waiting.previous = undefined
  waiting.next = undefined
  if (previous === next) (next as WaitingList).emptied()
}
