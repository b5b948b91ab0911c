import type { Outcome } from '@curfew/core'
import type { Hook, ObservedRequest, Observer, ReportedError } from '@curfew/core/report'
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  createNoopMeter,
  type Histogram,
  type MeterProvider,
  metrics,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { aFlag, type Check, checkOptions } from './check-options.ts'

export interface OpenTelemetryOptions {
  /** What the meter is called (default `'@curfew/hooks'`). */
  meterName?: string
  /** Whether durations are recorded (default `true`); `false` where an HTTP instrumentation does that already. */
  metrics?: boolean
  /** Whether the server's span is told how its request ended (default `true`). */
  spans?: boolean
  /** Methods that are called by their names (default: those of RFC 9110, `PATCH` and `QUERY`); others are `_OTHER`. */
  knownMethods?: readonly string[]
}

/**
 * Tells OpenTelemetry, through its API only, so that nothing happens (and next to nothing is spent) without an SDK:
 *
 * - the server's span (that of an HTTP instrumentation, or the one that is active as a request starts) gets `curfew.outcome`, and, where there is a deadline,
 *   `curfew.timeout_ms` and what was left of it, `curfew.remaining_ms`; a failure is recorded as an `exception`,
 *   redacted, and an error sets the status and `error.type`
 * - each request is recorded in the histogram `http.server.request.duration`, in seconds, with the attributes of the
 *   semantic conventions and `curfew.outcome`
 *
 * A client that left is no error. An SDK may be registered later.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * const reports = reporter({ hooks: [openTelemetry()] })
 * ```
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Hook {
  const given = checkOptions(options, checks)
  const durations = given.metrics === false ? undefined : new Durations(given.meterName ?? '@curfew/hooks')
  const methods = new Set(given.knownMethods ?? knownMethods)
  return {
    name: 'opentelemetry',
    observe: () => {
      const span = given.spans === false ? undefined : serverSpan()
      const histogram = durations?.histogram()
      return span || histogram ? new RequestObserver(span, histogram, methods) : undefined
    },
  }
}

const aName: Check = ['a string that is not empty', (value) => typeof value === 'string' && value !== '']
const names: Check = [
  'an array of strings',
  (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
]
const checks = { meterName: aName, metrics: aFlag, spans: aFlag, knownMethods: names }

const knownMethods = ['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE']

/** What HTTP instrumentations leave in the context of a request: their span, and the route once a framework's has found it. */
interface ServerCall {
  readonly type: unknown
  readonly span: Span
  readonly route?: string
}

/** Of `@opentelemetry/core`; keys of the same name are the same. */
const callKey = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')

function serverCall(active: Context): ServerCall | undefined {
  const call = active.getValue(callKey) as ServerCall | undefined
  return call?.type === 'http' ? call : undefined
}

/** Instrumentations of frameworks make a span active for each middleware, which ends before its request does. */
function serverSpan(): Span | undefined {
  return [serverCall(context.active())?.span, trace.getActiveSpan()].find((span) => span?.isRecording())
}

/** The boundaries that the semantic conventions advise, in seconds. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** The histogram of whatever SDK there is now: unlike tracers, meters do not wait for one to come. */
class Durations {
  private readonly meterName: string
  private provider: MeterProvider | undefined
  private current: Histogram | undefined

  constructor(meterName: string) {
    this.meterName = meterName
  }

  histogram(): Histogram | undefined {
    const provider = metrics.getMeterProvider()
    if (provider !== this.provider) {
      this.provider = provider
      this.current = this.create(provider)
    }
    return this.current
  }

  private create(provider: MeterProvider): Histogram | undefined {
    const meter = provider.getMeter(this.meterName)
    if (meter === createNoopMeter()) return undefined
    return meter.createHistogram('http.server.request.duration', {
      description: 'Duration of HTTP server requests.',
      unit: 's',
      advice: { explicitBucketBoundaries: boundaries },
    })
  }
}

/** One request, as its span and the histogram see it. */
class RequestObserver implements Observer {
  private readonly span: Span | undefined
  private readonly histogram: Histogram | undefined
  private readonly knownMethods: ReadonlySet<string>
  /** That of the request, which later is not active any more. */
  private readonly context: Context
  private kind: Outcome['kind'] | undefined
  private thrown: ReportedError | undefined

  constructor(span: Span | undefined, histogram: Histogram | undefined, methods: ReadonlySet<string>) {
    this.span = span
    this.histogram = histogram
    this.knownMethods = methods
    this.context = context.active()
  }

  decided(outcome: Readonly<Outcome>, { error, timeoutMs, remainingMs }: ObservedRequest): void {
    if (timeoutMs < Number.POSITIVE_INFINITY && this.span?.isRecording()) {
      this.span.setAttribute('curfew.timeout_ms', timeoutMs)
      this.span.setAttribute('curfew.remaining_ms', Math.round(remainingMs))
    }
    this.mark(outcome, error())
  }

  ended(outcome: Readonly<Outcome>, { route, request, error }: ObservedRequest): void {
    if (outcome.kind !== this.kind) this.mark(outcome, error())
    const type = errorType(outcome, this.thrown)
    const pattern = route ?? serverCall(this.context)?.route
    const attributes: Attributes = {
      'http.request.method': this.knownMethods.has(request.method) ? request.method : '_OTHER',
      'http.response.status_code': outcome.status,
      'url.scheme': request.url.slice(0, request.url.indexOf(':')),
      'curfew.outcome': outcome.kind,
      ...(pattern !== undefined && { 'http.route': pattern }),
      ...(type !== undefined && { 'error.type': type }),
    }
    this.histogram?.record(outcome.elapsedMs / 1_000, attributes, this.context)
  }

  private mark(outcome: Readonly<Outcome>, thrown: ReportedError | undefined): void {
    this.kind = outcome.kind
    this.thrown = thrown
    if (!this.span?.isRecording()) return
    this.span.setAttribute('curfew.outcome', outcome.kind)
    if (thrown) {
      this.span.recordException({ name: thrown.name, message: thrown.message, stack: stackOf(thrown) })
    }
    const type = errorType(outcome, thrown)
    if (type === undefined) return
    this.span.setAttribute('error.type', type)
    this.span.setStatus({ code: SpanStatusCode.ERROR, ...(thrown?.message && { message: thrown.message }) })
  }
}

/** `error.type` of what the semantic conventions call an error of a server: 5xx, and what broke off. */
function errorType(outcome: Readonly<Outcome>, thrown: ReportedError | undefined): string | undefined {
  const brokeOff = 'phase' in outcome && outcome.phase === 'streaming'
  if (outcome.kind === 'client-closed' || (outcome.status < 500 && !brokeOff)) return undefined
  switch (outcome.kind) {
    case 'timed-out':
      return 'timeout'
    case 'failed':
      return thrown ? simple(thrown.name) : String(outcome.status)
    case 'rejected':
      return outcome.reason
    case 'completed':
      return String(outcome.status)
  }
}

/** Each value makes a time series of its own, so what is no name of a class does not become one. */
function simple(name: string): string {
  return /^[\w$.:-]{1,100}$/.test(name) ? name : '_OTHER'
}

function stackOf({ name, message, stack, cause }: ReportedError): string {
  const own = stack ?? `${name}: ${message}`
  return cause ? `${own}\nCaused by: ${stackOf(cause)}` : own
}
