import { Alarm } from './alarm.ts'
import { type Clock, systemClock } from './clock.ts'
import { isWorkerd } from './is-workerd.ts'
import { outside } from './own-context.ts'

/** Somebody who waits, linked between two others. */
export interface Waiting {
  /** Since when, on the clock of the list. */
  readonly startedAt: number
  previous: Link | undefined
  next: Link | undefined
  /** The time is over, and it is out of the list. Called in the async context of nobody. */
  ring(): void
}

type Link = Waiting | WaitingList

/** How many are told in one turn of the event loop. */
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
  private readonly isForeign: boolean
  private readonly isParked: boolean
  private readonly alarm: Alarm
  private ringsAt = Number.POSITIVE_INFINITY
  private lostAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, ms: number) {
    this.ms = ms
    this.isForeign = clock !== systemClock || isWorkerd
    this.isParked = !this.isForeign && ms <= PARKED_MS
    this.alarm = new Alarm(clock, (lateMs) => this.tell(this.ringsAt + lateMs))
  }

  add(waiting: Waiting): void {
    const { startedAt } = waiting
    let last = this.previous
    // Hardly ever, for who comes later has mostly begun later.
    while (last !== this && (last as Waiting).startedAt > startedAt) last = last.previous!
    const next = last.next!
    waiting.previous = last
    waiting.next = next
    last.next = next.previous = waiting
    if (startedAt + this.ms < this.ringsAt || startedAt > this.lostAt) this.start(startedAt)
  }

  /** The last has gone. */
  emptied(): void {
    if (!this.isParked) this.arm()
  }

  /** A timer keeps the async context in which it was set, and this one is not for the request that happens to be first. */
  private start(now: number): void {
    if (this.isForeign) return this.arm(now)
    const at = this.dueAt
    this.ringsAt = at
    // Parked it is set even if nobody waits any more: or else each who comes after a short one would set it in vain.
    outside(() => this.arm(now, this.isParked ? at : this.dueAt))
  }

  private arm(now = 0, at = this.dueAt): void {
    this.ringsAt = at
    // What is late is given as long again, for a timer that is set anew with each who comes never fires.
    this.lostAt = Math.max(this.ringsAt, 2 * now - this.ringsAt) + LOST_MS
    this.alarm.clear()
    this.alarm.set(this.ringsAt)
  }

  private tell(now: number): void {
    try {
      for (let told = 0; told < SLICE && this.dueAt <= now; told++) {
        const first = this.next as Waiting
        leave(first)
        first.ring()
      }
    } finally {
      this.arm(now)
    }
  }

  /** When the first of them is due. */
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
  waiting.previous = waiting.next = undefined
  if (previous === next) (next as WaitingList).emptied()
}
