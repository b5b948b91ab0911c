import { notify } from './notify.ts'
import { adjust, type Policy } from './options.ts'
import type { LateSettlement, Outcome } from './outcome.ts'
import { Scope } from './scope.ts'

/**
 * A scope whose ending is decided once and recorded once. Between the two lies the writing of the response, where the
 * host can tell how that went: only a `completed` outcome can still be amended then.
 */
export abstract class RecordedScope extends Scope {
  /** Whether the handler, or the draining of its body, is still at work. */
  protected working = true
  private recorded = false
  private late: LateSettlement | undefined
  private readonly guards: Policy[]

  constructor(request: Request, policy: Policy, inboundMs: number) {
    super(request, policy, inboundMs)
    this.guards = [policy]
    policy.counters.active++
    policy.running?.add(this)
  }

  /** The server stops, and waits for this request no longer. */
  abstract shutDown(): void

  /** An inner guard adjusts the race that is on instead of starting another; it counts and is told as well. */
  join(inner: Policy): void {
    this.guards.push(inner)
    inner.counters.active++
    this.policy = adjust(this.policy, inner)
    if (inner.given.timeoutMs !== undefined) this.deadline.set(inner.given.timeoutMs)
  }

  protected elapsedMs(): number {
    return this.policy.clock.now() - this.startedAt
  }

  protected decide<Decided extends Outcome>(outcome: Decided): Decided {
    this.outcome = outcome
    this.endDeadline()
    for (const { counters, running } of this.guards) {
      running?.delete(this)
      counters.active--
      if (this.working) counters.abandoned++
    }
    return outcome
  }

  protected amend(outcome: Outcome): void {
    if (this.outcome?.kind === 'completed' && !this.recorded) this.outcome = outcome
  }

  protected record(): void {
    const { outcome } = this
    if (this.recorded || !outcome) return
    this.recorded = true
    for (const { counters, onOutcome } of this.guards) {
      counters.outcomes[outcome.kind]++
      if (onOutcome) notify(counters, onOutcome, outcome, this.request)
    }
    this.tellLate()
  }

  protected recordLate(kind: LateSettlement['kind'], error?: unknown): void {
    const { outcome } = this
    if (!this.working || !outcome) return
    this.working = false
    const afterMs = this.elapsedMs() - outcome.elapsedMs
    this.late = kind === 'completed' ? { kind, outcome, afterMs } : { kind, outcome, afterMs, error }
    for (const { counters } of this.guards) {
      counters.abandoned--
      counters.late[kind]++
    }
    this.tellLate()
  }

  /** The ending is told first, even where its record had to wait for the response to be written. */
  private tellLate(): void {
    const { late } = this
    if (!this.recorded || !late) return
    for (const { counters, onLateSettlement } of this.guards) {
      if (onLateSettlement) notify(counters, onLateSettlement, late, this.request)
    }
  }
}
