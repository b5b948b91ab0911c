import { guard, InvalidOptionError, type Outcome } from '@curfew/core'
import {
  type Hook,
  type ObservedRequest,
  type Observer,
  type ReportedError,
  reporter,
} from '@curfew/core/report'
import { context, createContextKey, metrics, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type HistogramMetricData,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { failed as report } from '../test/reports.ts'
import { openTelemetry } from './opentelemetry.ts'

const completed: Outcome = { kind: 'completed', status: 200, elapsedMs: 132 }
const timedOut: Outcome = {
  kind: 'timed-out',
  status: 503,
  phase: 'handling',
  timeoutMs: 5_000,
  lateMs: 1,
  elapsedMs: 5_001,
}
const clientClosed: Outcome = { kind: 'client-closed', status: 499, phase: 'handling', elapsedMs: 20 }
const shed: Outcome = { kind: 'rejected', status: 503, reason: 'overloaded', elapsedMs: 0 }
const failure: Outcome = {
  kind: 'failed',
  status: 500,
  phase: 'handling',
  error: new Error('password hunter2'),
  elapsedMs: 40,
}
const brokeOff: Outcome = { ...failure, status: 200, phase: 'streaming', elapsedMs: 900 }

const redacted: ReportedError = {
  name: 'QueryError',
  message: 'password [redacted]',
  stack: 'QueryError: …\n  at a',
}

const request = new Request('https://example.com/users/17', { method: 'POST' })
const noTime = { timeoutMs: Number.POSITIVE_INFINITY, remainingMs: Number.POSITIVE_INFINITY }
const ending: ObservedRequest = { request, route: '/users/:id', ...noTime, error: () => undefined }

let spans: InMemorySpanExporter
let measured: InMemoryMetricExporter
let reader: PeriodicExportingMetricReader

beforeEach(() => {
  spans = new InMemorySpanExporter()
  const tracing = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  // With the context manager of AsyncLocalStorage.
  tracing.register()
  measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 600_000 })
  const metering = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(metering)
  return async () => {
    await tracing.shutdown()
    await metering.shutdown()
  }
})

afterEach(() => {
  trace.disable()
  context.disable()
  metrics.disable()
})

/** Lets a hook see a request in a span; gives back the span as it was exported. */
function observed(hook: Hook, see: (observer: Observer, span: Span) => void): ReadableSpan {
  trace.getTracer('test').startActiveSpan('request', (span) => {
    see(hook.observe?.(request) ?? {}, span)
    span.end()
  })
  return spans.getFinishedSpans().at(-1)!
}

function withError(error: ReportedError | undefined): ObservedRequest {
  return { ...ending, error: () => error }
}

function seen(outcome: Outcome, error?: ReportedError): ReadableSpan {
  return observed(openTelemetry(), (observer) => {
    observer.decided?.(outcome, withError(error))
    observer.ended?.(outcome, withError(error))
  })
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

async function histogram(): Promise<HistogramMetricData | undefined> {
  await reader.forceFlush()
  const [resource] = measured.getMetrics()
  return resource?.scopeMetrics[0]?.metrics[0] as HistogramMetricData | undefined
}

async function attributes(): Promise<Record<string, unknown> | undefined> {
  return (await histogram())?.dataPoints[0]?.attributes
}

describe('the active span', () => {
  test('of a completed request is told so, and is no error', () => {
    const span = seen(completed)
    expect(span.attributes).toEqual({ 'curfew.outcome': 'completed' })
    expect(span.status).toEqual({ code: SpanStatusCode.UNSET })
    expect(span.events).toEqual([])
  })

  test('of a request that had a deadline is told that, and what was left', () => {
    const span = observed(openTelemetry(), (observer) => {
      observer.decided?.(completed, { ...ending, timeoutMs: 500, remainingMs: 379.6 })
      observer.ended?.(completed, { ...ending, timeoutMs: 500, remainingMs: 379.6 })
    })
    expect(span.attributes).toEqual({
      'curfew.outcome': 'completed',
      'curfew.timeout_ms': 500,
      'curfew.remaining_ms': 380,
    })
  })

  test('of a failure has its error as an exception, redacted', () => {
    const span = seen(failure, redacted)
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'password [redacted]' })
    expect(span.attributes).toEqual({ 'curfew.outcome': 'failed', 'error.type': 'QueryError' })
    expect(span.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'QueryError',
          'exception.message': 'password [redacted]',
          'exception.stacktrace': 'QueryError: …\n  at a',
        },
      },
    ])
    expect(JSON.stringify([span.attributes, span.events])).not.toContain('hunter2')
  })

  test('has the causes in the stack', () => {
    const span = seen(failure, report.error)
    expect(span.events[0]?.attributes?.['exception.stacktrace']).toBe(
      `${report.error?.stack}\nCaused by: ${report.error?.cause?.stack}`,
    )
  })

  test('of a failure that could not be told is an error all the same', () => {
    const span = seen(failure, undefined)
    expect(span.attributes).toEqual({ 'curfew.outcome': 'failed', 'error.type': '500' })
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR })
    expect(span.events).toEqual([])
  })

  test('of a failure that was answered with 4xx has its exception, and is no error', () => {
    const span = seen({ ...failure, status: 422 }, redacted)
    expect(span.status.code).toBe(SpanStatusCode.UNSET)
    expect(span.attributes).toEqual({ 'curfew.outcome': 'failed' })
    expect(span.events).toHaveLength(1)
  })

  test.each([
    ['a timeout', timedOut, 'timeout'],
    ['a request that was shed', shed, 'overloaded'],
    ['a 502 of the handler', { ...completed, status: 502 } as Outcome, '502'],
  ])('of %s is an error, of a type that is known', (_, outcome, type) => {
    const span = seen(outcome)
    expect(span.status.code).toBe(SpanStatusCode.ERROR)
    expect(span.attributes).toEqual({ 'curfew.outcome': outcome.kind, 'error.type': type })
    expect(span.events).toEqual([])
  })

  test('of a client that left is no error', () => {
    const span = seen(clientClosed)
    expect(span.status.code).toBe(SpanStatusCode.UNSET)
    expect(span.attributes).toEqual({ 'curfew.outcome': 'client-closed' })
  })

  test('is told of a body that broke off, and why, redacted', () => {
    const span = observed(openTelemetry(), (observer) => {
      observer.decided?.(completed, ending)
      observer.ended?.(brokeOff, withError(redacted))
    })
    expect(span.attributes).toEqual({ 'curfew.outcome': 'failed', 'error.type': 'QueryError' })
    expect(span.status.code).toBe(SpanStatusCode.ERROR)
    expect(span.events.map((event) => event.attributes)).toEqual([
      {
        'exception.type': redacted.name,
        'exception.message': redacted.message,
        'exception.stacktrace': redacted.stack,
      },
    ])
    expect(JSON.stringify([span.attributes, span.events, span.status])).not.toContain('hunter2')
  })

  test('is told of a stream that took too long, and of a client that left one', () => {
    const ends = [{ ...timedOut, status: 200, phase: 'streaming' } as Outcome, clientClosed]
    const told = ends.map((outcome) =>
      observed(openTelemetry(), (observer) => {
        observer.decided?.(completed, ending)
        observer.ended?.(outcome, ending)
      }),
    )
    expect(told.map(({ status, attributes }) => [status.code, attributes])).toEqual([
      [SpanStatusCode.ERROR, { 'curfew.outcome': 'timed-out', 'error.type': 'timeout' }],
      [SpanStatusCode.UNSET, { 'curfew.outcome': 'client-closed' }],
    ])
  })

  test('is told no exception twice', () => {
    const span = observed(openTelemetry(), (observer) => {
      observer.decided?.(failure, withError(redacted))
      observer.ended?.({ ...failure, phase: 'streaming' }, ending)
    })
    expect(span.events).toHaveLength(1)
  })

  test('that has ended is left alone, and the request measured', async () => {
    const warn = vi.spyOn(console, 'warn')
    onTestFinished(() => warn.mockRestore())
    const span = observed(openTelemetry(), (observer, active) => {
      observer.decided?.(completed, ending)
      active.end()
      observer.ended?.(brokeOff, withError(redacted))
    })
    expect(span.attributes).toEqual({ 'curfew.outcome': 'completed' })
    expect(await attributes()).toMatchObject({ 'curfew.outcome': 'failed', 'error.type': 'QueryError' })
  })

  test('is that of its own request, however they are mixed', async () => {
    const hook = openTelemetry()
    const gates = Array.from({ length: 10 }, () => deferred())
    const requests = gates.map(({ promise }, index) =>
      trace.getTracer('test').startActiveSpan(`request ${index}`, async (span) => {
        await Promise.resolve()
        const observer = hook.observe?.(request)
        await promise
        observer?.decided?.({ ...failure }, withError({ name: 'Error', message: `of ${index}` }))
        span.end()
      }),
    )
    for (const { resolve } of gates.toReversed()) resolve()
    await Promise.all(requests)
    const told = spans.getFinishedSpans().map(({ name, status }) => `${name}: ${status.message}`)
    expect(told.sort()).toEqual(gates.map((_, index) => `request ${index}: of ${index}`))
  })

  test('is not that of a middleware where an HTTP instrumentation has one, which knows the route, too', async () => {
    const key = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')
    const tracer = trace.getTracer('test')
    const server = tracer.startSpan('GET')
    const call = { type: 'http', span: server, route: undefined as string | undefined }
    context.with(trace.setSpan(context.active().setValue(key, call), server), () => {
      tracer.startActiveSpan('middleware', (span) => {
        const observer = openTelemetry().observe!(request)!
        span.end()
        call.route = '/users/:id'
        observer.decided?.(failure, { ...ending, error: () => redacted })
        observer.ended?.(failure, { ...ending, route: undefined, error: () => redacted })
      })
    })
    server.end()
    const [inner, outer] = spans.getFinishedSpans()
    expect(inner!.attributes).toEqual({})
    expect(outer!.attributes).toMatchObject({ 'curfew.outcome': 'failed', 'error.type': 'QueryError' })
    expect(await attributes()).toMatchObject({ 'http.route': '/users/:id' })
  })

  test('is left alone if that is wanted', () => {
    const span = observed(openTelemetry({ spans: false }), (observer) => {
      observer.decided?.(failure, withError(redacted))
      observer.ended?.(failure, ending)
    })
    expect(span.attributes).toEqual({})
    expect(span.events).toEqual([])
  })
})

describe('the histogram', () => {
  test('is that of the semantic conventions, in seconds', async () => {
    seen(completed)
    const { descriptor, dataPoints } = (await histogram())!
    expect(descriptor).toMatchObject({ name: 'http.server.request.duration', unit: 's', type: 'HISTOGRAM' })
    expect(dataPoints[0]?.value).toMatchObject({
      sum: 0.132,
      count: 1,
      buckets: { boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] },
    })
  })

  test('tells requests apart by method, status, route and outcome', async () => {
    seen(completed)
    expect(await attributes()).toEqual({
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'http.route': '/users/:id',
      'url.scheme': 'https',
      'curfew.outcome': 'completed',
    })
  })

  test('has no route that is not known', async () => {
    openTelemetry()
      .observe?.(request)
      ?.ended?.(completed, { ...ending, route: undefined })
    expect(Object.keys((await attributes())!)).not.toContain('http.route')
  })

  test.each<[string, Outcome, ReportedError | undefined, string | undefined]>([
    ['a failure', failure, redacted, 'QueryError'],
    ['a failure that has no name of a class', failure, { name: 'of user 17', message: '' }, '_OTHER'],
    ['a failure that could not be told', failure, undefined, '500'],
    ['a timeout', timedOut, undefined, 'timeout'],
    ['a shed request', shed, undefined, 'overloaded'],
    ['a 503 of the handler', { ...completed, status: 503 }, undefined, '503'],
    ['a 404', { ...completed, status: 404 }, undefined, undefined],
    ['a client that left', clientClosed, undefined, undefined],
    ['a failure answered with 4xx', { ...failure, status: 409 }, redacted, undefined],
  ])('knows the type of an error: %s', async (_, outcome, error, type) => {
    seen(outcome, error)
    expect((await attributes())?.['error.type']).toBe(type)
    expect((await attributes())?.['http.response.status_code']).toBe(outcome.status)
  })

  test.each([
    ['QueryError', 'QueryError'],
    ['string', 'string'],
    ['', '_OTHER'],
    ['no such user: Ali', '_OTHER'],
  ])('a body may break off with anything: %j', async (name, type) => {
    openTelemetry()
      .observe?.(request)
      ?.ended?.(brokeOff, withError({ name, message: 'no' }))
    expect((await attributes())?.['error.type']).toBe(type)
  })

  test.each([
    ['GET', {}, 'GET'],
    ['QUERY', {}, 'QUERY'],
    ['PROPFIND', {}, '_OTHER'],
    ['PROPFIND', { knownMethods: ['PROPFIND'] }, 'PROPFIND'],
    ['GET', { knownMethods: ['PROPFIND'] }, '_OTHER'],
  ])('calls the method %s by its name if it is known: %j', async (method, options, called) => {
    const asked = new Request('http://example.com/', { method })
    openTelemetry(options)
      .observe?.(asked)
      ?.ended?.(completed, { ...ending, request: asked, route: undefined })
    expect(await attributes()).toMatchObject({ 'http.request.method': called, 'url.scheme': 'http' })
  })

  test('belongs to a meter of the name that is wanted', async () => {
    openTelemetry({ meterName: 'shop' }).observe?.(request)?.ended?.(completed, ending)
    await reader.forceFlush()
    expect(measured.getMetrics()[0]?.scopeMetrics[0]?.scope.name).toBe('shop')
  })

  test('is not there if that is wanted', async () => {
    observed(openTelemetry({ metrics: false }), (observer) => observer.ended?.(completed, ending))
    await reader.forceFlush()
    expect(measured.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)).toEqual([])
  })
})

describe('without an SDK', () => {
  beforeEach(() => {
    trace.disable()
    context.disable()
    metrics.disable()
  })

  test('requests are not observed at all', () => {
    expect(openTelemetry().observe?.(request)).toBe(undefined)
  })

  test('but once one is registered, they are', async () => {
    const hook = openTelemetry()
    expect(hook.observe?.(request)).toBe(undefined)
    const provider = new MeterProvider({ readers: [] })
    onTestFinished(() => provider.shutdown())
    metrics.setGlobalMeterProvider(provider)
    expect(hook.observe?.(request)).toBeDefined()
    metrics.disable()
    expect(hook.observe?.(request)).toBe(undefined)
  })
})

test.each([
  { meterName: '' },
  { metrics: 'yes' },
  { spans: 1 },
  { knownMethods: 'GET' },
  { knownMethods: [1] },
  { tracer: 'x' },
])('%j is refused', (options) => {
  expect(() => openTelemetry(options as never)).toThrow(InvalidOptionError)
})

test('a guard with a reporter tells the span of its own request, redacted, and measures every request', async () => {
  const reports = reporter({ hooks: [openTelemetry()] })
  const guarded = guard(
    async (asked) => {
      const { password, fail } = (await asked.json()) as { password: string; fail: boolean }
      if (fail) throw new TypeError(`bad login ${password}`)
      return new Response('welcome')
    },
    { reporter: reports },
  )
  const handle = (fail: boolean): Promise<Response> =>
    trace.getTracer('test').startActiveSpan(`fail: ${fail}`, async (span) => {
      const body = JSON.stringify({ password: 'sunshine-Daisy', fail })
      const headers = { 'content-type': 'application/json' }
      const response = await guarded(new Request('http://localhost/login', { method: 'POST', headers, body }))
      span.end()
      return response
    })
  const [welcome, failed] = await Promise.all([handle(false), handle(true)])
  expect([welcome.status, failed.status]).toEqual([200, 500])
  const told = Object.fromEntries(spans.getFinishedSpans().map((span) => [span.name, span]))
  expect(told['fail: false']).toMatchObject({ attributes: { 'curfew.outcome': 'completed' }, events: [] })
  expect(told['fail: true']).toMatchObject({
    attributes: { 'curfew.outcome': 'failed', 'error.type': 'TypeError' },
    status: { code: SpanStatusCode.ERROR, message: 'bad login [redacted]' },
    events: [{ name: 'exception', attributes: { 'exception.message': 'bad login [redacted]' } }],
  })
  expect(JSON.stringify(told['fail: true']!.events)).not.toContain('sunshine')
  const { dataPoints } = (await histogram())!
  expect(dataPoints.map(({ attributes }) => attributes['curfew.outcome']).sort()).toEqual([
    'completed',
    'failed',
  ])
  expect(reports.stats.hooks.opentelemetry).toMatchObject({ failed: 0 })
})

test.each<[string, Partial<Span>]>([
  ['span', { isRecording: () => true, setAttribute: fails, recordException: fails, setStatus: fails }],
  ['span that cannot even be asked', { isRecording: fails }],
])(
  'an SDK whose %s throws changes no response, nor does one whose histogram does; it is counted',
  async (_, span) => {
    metrics.disable()
    metrics.setGlobalMeterProvider({
      getMeter: () => ({ createHistogram: () => ({ record: fails }) }),
    } as never)
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => logged.mockRestore())
    const reports = reporter({ hooks: [openTelemetry()] })
    const guarded = guard(async ({ url }) => (url.endsWith('/fail') ? fails() : new Response('hello')), {
      reporter: reports,
    })
    const answers = await context.with(trace.setSpan(context.active(), span as Span), () =>
      Promise.all(['/', '/fail'].map((path) => guarded(new Request(`http://localhost${path}`)))),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 500])
    expect(await reports.flush()).toBe(true)
    expect(reports.stats.hooks.opentelemetry!.failed).toBeGreaterThan(0)
    expect(logged).toHaveBeenCalledTimes(1)
  },
)

function fails(): never {
  throw new Error('the exporter is broken')
}
