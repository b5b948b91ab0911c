import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { InvalidReportError } from '../errors.ts'
import { parseReport } from './parse-report.ts'

/** Reports as version 0.1.0 wrote them. Never to be changed: they lie in files everywhere. */
const written: Record<string, unknown>[] = JSON.parse(
  readFileSync(new URL('../../test/reports/v1.json', import.meta.url), 'utf8'),
)

/** What every report has, and no more. */
const least = {
  schema: 1,
  id: 'a',
  kind: 'failed',
  time: '2026-01-01T00:00:00.000Z',
  fingerprint: '0123456789abcdef',
  count: 1,
  request: { id: 'a', method: 'GET', url: 'http://localhost/' },
  outcome: { kind: 'failed', status: 500 },
  timing: { elapsedMs: 0, timeoutMs: null },
  abandoned: false,
  where: {},
}

function rejected(value: unknown): InvalidReportError {
  try {
    parseReport(value)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidReportError)
    return error as InvalidReportError
  }
  throw new Error('It was a report')
}

describe('a report', () => {
  test.each(written.map((report) => [`${report.kind} ${report.id}`, report] as const))(
    'that was written by an earlier version is read whole: %s',
    (_, report) => {
      expect(parseReport(report)).toEqual(report)
      expect(JSON.parse(JSON.stringify(parseReport(report)))).toEqual(report)
    },
  )

  test('was written with everything that it may have', () => {
    const kinds = new Set(
      written.flatMap(({ kind, request }) => [kind, Reflect.get(request as object, 'body')?.kind]),
    )
    expect([...kinds].filter(Boolean).sort()).toEqual(
      ['abandoned', 'failed', 'late', 'timed-out', 'form', 'json', 'multipart', 'opaque', 'text'].sort(),
    )
    expect([...new Set(written.flatMap((report) => pathsOf(report)))]).toEqual(
      expect.arrayContaining([
        ...[
          'repeatOf',
          'omitted.0',
          'late.afterMs',
          'response.status',
          'written.bytes',
          'written.headers.x-order',
        ],
        ...['error.stack', 'error.fields.code', 'error.cause.fields.code', 'error.errors.2.value.three'],
        ...[
          'request.route',
          'request.headers.cookie',
          'request.body.value.sku',
          'request.body.fields.2.file.bytes',
        ],
        ...['outcome.phase', 'timing.lateMs', 'where.service', 'where.region', 'where.runtime.version'],
      ]),
    )
  })

  test('may have no more than what every report has', () => {
    expect(parseReport(least)).toEqual(least)
  })

  test('keeps what this version does not know, wherever it stands', () => {
    const newer = {
      ...least,
      trace: { id: 7 },
      error: { name: 'E', message: '', code: 'X', cause: { name: 'E', message: '', more: [1] } },
      request: {
        ...least.request,
        ip: null,
        body: { kind: 'text', bytes: 1, complete: true, text: 'a', charset: 'x' },
      },
      outcome: { ...least.outcome, more: true },
      where: { runtime: { name: 'node', flags: [] }, cpu: 'x' },
    }
    expect(parseReport(newer)).toEqual(newer)
  })

  test('is not changed by reading it', () => {
    const json = JSON.stringify(written)
    for (const report of written) parseReport(report)
    expect(JSON.stringify(written)).toBe(json)
  })
})

describe('what is no report', () => {
  test.each([
    [null, '', 'Invalid report: expected an object, got null'],
    ['text', '', 'Invalid report: expected an object, got "text"'],
    [[], 'schema', 'Invalid report at schema: expected one of 1, got undefined'],
    [{ ...least, schema: 2 }, 'schema', 'Invalid report at schema: expected one of 1, got 2'],
    [
      { ...least, schema: 'constructor' },
      'schema',
      'Invalid report at schema: expected one of 1, got "constructor"',
    ],
    [{ ...least, id: 7 }, 'id', 'Invalid report at id: expected a string, got 7'],
    [
      { ...least, kind: 'x' },
      'kind',
      'Invalid report at kind: expected one of failed, timed-out, abandoned, late, got "x"',
    ],
    [{ ...least, count: -1 }, 'count', 'Invalid report at count: expected 0 or more, got -1'],
    [{ ...least, count: 1.5 }, 'count', 'Invalid report at count: expected a whole number, got 1.5'],
    [{ ...least, count: 1e300 }, 'count', 'Invalid report at count: expected a whole number, got 1e+300'],
    [
      { ...least, abandoned: 'no' },
      'abandoned',
      'Invalid report at abandoned: expected true or false, got "no"',
    ],
    [{ ...least, omitted: [1] }, 'omitted.0', 'Invalid report at omitted.0: expected a string, got 1'],
    [{ ...least, omitted: 'x' }, 'omitted', 'Invalid report at omitted: expected an array, got "x"'],
    [{ ...least, where: [] }, 'where', 'Invalid report at where: expected an object, got [object Array]'],
    [
      { ...least, request: undefined },
      'request',
      'Invalid report at request: expected an object, got undefined',
    ],
    [
      { ...least, outcome: { ...least.outcome, escaped: 1 } },
      'outcome.escaped',
      'Invalid report at outcome.escaped: expected true or false, got 1',
    ],
    [
      { ...least, late: { kind: 'failed', afterMs: 1, escaped: 'yes' } },
      'late.escaped',
      'Invalid report at late.escaped: expected true or false, got "yes"',
    ],
    [
      timed({ elapsedMs: '1' }),
      'timing.elapsedMs',
      'Invalid report at timing.elapsedMs: expected a number, got "1"',
    ],
    [
      timed({ timeoutMs: undefined }),
      'timing.timeoutMs',
      'Invalid report at timing.timeoutMs: expected a number, got undefined',
    ],
    [
      asked({ headers: { a: 1 } }),
      'request.headers.a',
      'Invalid report at request.headers.a: expected a string, got 1',
    ],
    [
      asked({ headers: [] }),
      'request.headers',
      'Invalid report at request.headers: expected an object, got [object Array]',
    ],
    [sent(7), 'request.body', 'Invalid report at request.body: expected an object, got 7'],
    [
      sent({ kind: 'x' }),
      'request.body.kind',
      'Invalid report at request.body.kind: expected one of json, form, multipart, text, opaque, got "x"',
    ],
    [
      sent({ kind: 'json' }),
      'request.body.value',
      'Invalid report at request.body.value: expected a value, got undefined',
    ],
    [
      sent({ kind: 'form', fields: [{ name: 'a' }] }),
      'request.body.fields.0.value',
      'Invalid report at request.body.fields.0.value: expected a string, got undefined',
    ],
    [threw({ fields: 'x' }), 'error.fields', 'Invalid report at error.fields: expected an object, got "x"'],
    [
      threw({ errors: [{ name: 'E', message: '', cause: {} }] }),
      'error.errors.0.cause.name',
      'Invalid report at error.errors.0.cause.name: expected a string, got undefined',
    ],
  ])('is refused with the path to what is wrong: %j', (value, path, message) => {
    expect(rejected(value)).toMatchObject({ code: 'INVALID_REPORT', path, message })
  })

  function timed(timing: object): unknown {
    return { ...least, timing: { ...least.timing, ...timing } }
  }

  function asked(request: object): unknown {
    return { ...least, request: { ...least.request, ...request } }
  }

  function sent(body: unknown): unknown {
    const whole = typeof body === 'object' ? { bytes: 1, complete: true, ...body } : body
    return asked({ body: whole })
  }

  function threw(error: object): unknown {
    return { ...least, error: { name: 'E', message: '', ...error } }
  }
})

describe('a hostile report', () => {
  test('changes no prototype', () => {
    const json = JSON.stringify({ ...least, request: { ...least.request, headers: { a: 'b' } } })
    for (const hostile of [
      json.replace('{', '{"__proto__":{"polluted":true},"constructor":{"polluted":true},'),
      json.replace('"where":{', '"where":{"__proto__":{"polluted":true}'),
      json.replace('"headers":{', '"headers":{"__proto__":"polluted",'),
      json.replace('"request":{', '"request":{"__proto__":{"polluted":true},'),
    ]) {
      const report = parseReport(JSON.parse(hostile))
      for (const each of [report, report.where, report.request, report.request.headers!, {}]) {
        expect(Object.getPrototypeOf(each)).toBe(Object.prototype)
        expect((each as { polluted?: true }).polluted).toBeUndefined()
      }
    }
  })

  test('does not pass for one by what it inherits', () => {
    expect(rejected(JSON.parse(`{"schema":1,"__proto__":${JSON.stringify(least)}}`)).path).toBe('id')
  })

  test.each(['cause', 'errors'])('may be nested deeper than anybody can read: %s', (name) => {
    const end = name === 'cause' ? '}' : ']}'
    const begin = `{"name":"E","message":"","${name}":${name === 'cause' ? '' : '['}`
    const deep = `${begin.repeat(100_000)}{"name":"E","message":""}${end.repeat(100_000)}`
    const error = rejected(JSON.parse(JSON.stringify(least).replace('{', `{"error":${deep},`)))
    expect(error.message).toBe(
      'Invalid report at error: expected causes that are nested less deeply, got [object Object]',
    )
  })

  test('may have values that are nested deeper than anybody can read', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
    const report = { ...least, error: { name: 'E', message: '', value: deep, fields: { deep } }, more: deep }
    expect(parseReport(report).error?.value).toBe(deep)
  })
})

function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, item]) => pathsOf(item, path ? `${path}.${name}` : name))
}
