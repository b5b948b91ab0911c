import type { LateSettlement, Outcome } from '../outcome.ts'
import type { Ending, Recording, TimeLeft } from '../recording.ts'
import { type Incident, redactThrown } from './build-report.ts'
import type { ObservedRequest, Observer } from './hook.ts'
import { type BodyRecord, type RunningRecord, recordBody } from './record-body.ts'
import type { ReportedError, ReportKind } from './report.ts'
import type { ReporterPolicy } from './reporter-options.ts'
import { type SeenRequest, seenOf } from './seen-request.ts'

/** One request as its reporter follows it: what is worth a report becomes an incident. */
export class RequestRecording implements Recording {
  private readonly request: Request
  private readonly policy: ReporterPolicy
  private readonly observers: readonly Required<Observer>[]
  private readonly report: (incident: Incident) => void
  private body: RunningRecord | undefined
  private ending: Ending | undefined
  private seen: SeenRequest | undefined
  private id: string | undefined
  private time: TimeLeft = { timeoutMs: Number.POSITIVE_INFINITY, remainingMs: Number.POSITIVE_INFINITY }
  private told: { readonly thrown: unknown; readonly error: ReportedError | undefined } | undefined

  constructor(
    request: Request,
    policy: ReporterPolicy,
    observers: readonly Required<Observer>[],
    report: (incident: Incident) => void,
  ) {
    this.request = request
    this.policy = policy
    this.observers = observers
    this.report = report
    this.body = recordBody(request, policy.bodyBytes)
  }

  get isDone(): boolean {
    return this.ending === undefined
  }

  decided(outcome: Outcome, time: TimeLeft): void {
    this.time = time
    if (outcome.kind !== 'completed') this.seen = seenOf(this.request)
    for (const observer of this.observers) observer.decided(copyOf(outcome), this.observed(outcome))
  }

  ended(ending: Ending): void {
    const { outcome } = ending
    for (const observer of this.observers)
      observer.ended(copyOf(outcome), this.observed(outcome, ending.route))
    // That a client is slow says nothing of the server, and it may be thousands of them that are.
    const { on } = isSlowClient(outcome) ? nothing : this.policy
    const kind = kindOf(ending, on)
    if (kind)
      this.tell(kind, ending, undefined, outcome.kind === 'failed' ? { value: outcome.error } : undefined)
    // What may go on for ever holds on to no body that was sent.
    if (ending.abandoned && on.has('late')) this.ending = { ...ending, response: headOf(ending) }
    else this.release()
  }

  private observed(outcome: Outcome, route?: string): ObservedRequest {
    return { request: this.request, route, ...this.time, error: () => this.errorOf(outcome) }
  }

  /** However many ask for it, it is redacted once. */
  private errorOf(outcome: Outcome): ReportedError | undefined {
    if (outcome.kind !== 'failed') return undefined
    if (!this.told || this.told.thrown !== outcome.error) {
      const { body, policy, seen = seenOf(this.request) } = this
      const error = redactThrown(outcome.error, seen, body, policy.redact)
      this.told = { thrown: outcome.error, error }
    }
    return this.told.error
  }

  settled(late: LateSettlement, ending: Ending): void {
    const { on } = this.policy
    if (late.escaped) {
      // An error that would have ended the process: who is told of errors is told of that.
      if (on.has('failed') || on.has('late')) {
        this.tell('late', this.ending ?? ending, late, { value: late.error })
      }
      return
    }
    if (!this.ending) return
    this.tell('late', this.ending, late, late.kind === 'completed' ? undefined : { value: late.error })
    this.ending = undefined
    this.release()
  }

  private release(): void {
    this.body?.release()
    this.body = undefined
  }

  private tell(
    kind: ReportKind,
    ending: Ending,
    late: LateSettlement | undefined,
    thrown: Incident['thrown'],
  ): void {
    this.id ??= crypto.randomUUID()
    this.seen ??= seenOf(this.request)
    const { id, seen } = this
    this.report({ id, kind, time: new Date(), seen, ending, late, body: asItIs(this.body), thrown })
  }
}

const nothing: Pick<ReporterPolicy, 'on'> = { on: new Set() }

function isSlowClient(outcome: Outcome): boolean {
  return outcome.kind === 'timed-out' && outcome.phase === 'receiving'
}

function kindOf({ outcome, abandoned }: Ending, on: ReadonlySet<ReportKind>): ReportKind | undefined {
  const { kind } = outcome
  if ((kind === 'failed' || kind === 'timed-out') && on.has(kind)) return kind
  return abandoned && on.has('abandoned') ? 'abandoned' : undefined
}

/** The outcome has yet to be answered, and recorded, by others. */
function copyOf(outcome: Outcome): Readonly<Outcome> {
  return Object.freeze({ ...outcome })
}

/** By the time that the report is made, an abandoned handler may have read more. */
function asItIs(body: BodyRecord | undefined): BodyRecord | undefined {
  if (!body) return undefined
  const { bytes, ended } = body
  const kept = body.kept()
  return { bytes, ended, kept: () => kept }
}

function headOf({ response }: Ending): Ending['response'] {
  return response && { status: response.status, headers: response.headers }
}
