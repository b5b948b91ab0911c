import type { Report, ReportedBody, ReportedError } from '@curfew/core/report'
import { describe, expect, test } from 'vitest'
import { everywhere } from '../test/everywhere.ts'
import { abandoned, failed, hostile, late, timedOut, upload } from '../test/reports.ts'
import { pretty } from './pretty.ts'

const detailed = (report: Report): string => pretty(report, { details: true })

const withError = (error: ReportedError): string => detailed({ ...abandoned, error })

const withBody = (body: ReportedBody): string =>
  detailed({ ...abandoned, request: { ...abandoned.request, body } })

test('a failure: whole stacks, a field a line, headers, the body on lines of its own, the response', () => {
  expect(detailed(failed)).toBe(`\
FAILED 500  POST http://localhost:3000/users/17/orders?coupon=spring&token=%5Bredacted%5D
  error     QueryError: duplicate key value violates unique constraint "orders_pkey"
            code: "23505"
            detail: "Key (id)=(1234) already exists"
              at OrderStore.insert (/app/src/orders/store.ts:41:13)
              at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
              at async placeOrder (/app/src/orders/place-order.ts:18:20)
              at async dispatch (/app/node_modules/hono/dist/compose.js:22:17)
              at async handle (/app/src/main.ts:12:3)
  cause     Error: connection is read-only
              at Parser.parseError (/app/node_modules/pg-protocol/dist/parser.js:283:98)
              at Socket.<anonymous> (/app/node_modules/pg-protocol/dist/index.js:11:42)
              at Socket.emit (node:events:524:28)
  outcome   failed while handling
  took      132 ms, limit 5 s
  time      2026-03-14T09:26:53.589Z
  route     /users/:id/orders
  request   req-7421
  report    0f8b7a52-6d0e-4c39-9c1e-0b9f5f3f6a11, fingerprint 9f2c41d07ab3e865
  where     shop 2.3.1, eu-central-1, shop-7c9d, pid 4711, node 20.20.2, linux x64
  headers   content-type: application/json
            authorization: [redacted]
            user-agent: curl/8.5.0
  body      json, 71 bytes
            {
              "id": 1234,
              "items": [
                {
                  "sku": "A-1",
                  "quantity": 2
                }
              ],
              "card": "[redacted]"
            }
  response  500
            content-type: application/problem+json`)
})

test('all that there may be to say of how it went, and what had been written', () => {
  const report: Report = {
    ...late,
    written: { status: 201, headers: { etag: '"a"' }, bytes: 3 },
    late: { kind: 'failed', afterMs: 1_500 },
    timing: { elapsedMs: 5_003, timeoutMs: null, lateMs: 0.42 },
    repeatOf: '6f',
    count: 7,
    omitted: ['response.headers'],
  }
  expect(detailed(report)).toMatch(/^LATE 503 {2}GET /)
  expect(detailed(report)).toContain(`
  repeats   7 requests like that of report 6f
  outcome   timed-out while handling
  late      failed 1.5 s after the end
  took      5 s, no limit, timer 0.4 ms late
  time      2026-03-14T09:27:03.250Z
  route     /report
  request   4bf92f3577b34da6a3ce929d0e0e4736
  report    5b1f0a3e-2f5d-4a6b-8a77-3d1f6b0c9e22, fingerprint 77ac3e5b10d9f248
  where     shop-7c9d, pid 4711, node 20.20.2
  omitted   response.headers
  headers   accept: text/html
  response  503
            content-type: application/problem+json
  written   201 with 3 bytes
            etag: "a"`)
})

test('what there is in short is there in detail, and of what is not known there is no row', () => {
  expect(detailed(abandoned)).toBe(pretty(abandoned))
  for (const label of ['error', 'outcome', 'took', 'written', 'time', 'route', 'request', 'report', 'where'])
    expect(detailed(timedOut)).toContain(`\n  ${label} `)
})

describe('errors', () => {
  test('causes and members of any of them, each further in than what it is a part of', () => {
    const leaf = { name: 'string', message: 'thrown', value: { a: 1 } }
    const shown = withError({
      name: 'AggregateError',
      message: 'all failed',
      errors: [
        { name: 'Error', message: 'first', cause: { name: 'Error', message: '', errors: [leaf] } },
        { name: 'Error', message: 'second' },
      ],
      cause: { name: 'Error', message: 'why' },
    })
    expect(shown).toContain(`
  error     AggregateError: all failed
    1 of 2  Error: first
    cause   Error
      1 of 1  string: thrown
              {"a":1}
    2 of 2  Error: second
  cause     Error: why
  outcome `)
  })

  test('what is on a stack besides calls', () => {
    const stack = 'Error: before\n    at run (/a.js:1:2)\n    in Page'
    expect(withError({ name: 'Error', message: 'now', stack })).toContain(`
  error     Error: now
              Error: before
              at run (/a.js:1:2)
              in Page
  outcome `)
  })

  test('of long ones the first lines, calls, causes and members, and that there were more', () => {
    const chain = (depth: number): ReportedError => ({
      name: 'E',
      message: `in ${depth}`,
      ...(depth > 0 && { cause: chain(depth - 1) }),
    })
    const shown = withError({
      ...chain(50),
      message: 'x'.repeat(100_000),
      stack: 'at x\n'.repeat(1_000),
      fields: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`field${index}`, index])),
      errors: Array.from({ length: 100 }, () => ({ name: 'M', message: '' })),
    })
    expect(shown).toContain(`${'x'.repeat(87)}…\n`)
    expect(shown).toContain('\n              and 980 more\n')
    expect(shown).toContain('\n            field19: 19\n            and 10 more\n')
    expect(shown).toContain('\n    8 of 100 M\n  cause     E: in 49\n')
    expect(shown).toContain('\n  cause     E: in 42\n            …\n  outcome ')
    expect(shown.split('\n').length).toBeLessThan(90)
  })

  test('of a tree of errors so many that it has an end', () => {
    let error: ReportedError = { name: 'E', message: '' }
    for (let depth = 0; depth < 10_000; depth++)
      error = { name: 'E', message: '', cause: error, errors: [error, error, error, error] }
    const started = performance.now()
    const lines = withError(error).split('\n')
    expect(lines.length).toBeLessThan(60)
    expect(lines).toContain('            …')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('bodies', () => {
  test.each<[ReportedBody, string]>([
    [
      { kind: 'text', bytes: 3, complete: true, text: 'a\u001b[2J\nb' },
      'text, 3 bytes\n            a\\x1b[2J\n            b',
    ],
    [
      { kind: 'opaque', bytes: 1, complete: false, sha256: 'ab12' },
      'opaque, 1 byte, incomplete\n            sha256 ab12',
    ],
    [
      { kind: 'json', bytes: 3, complete: true, value: { '\u202e': null } },
      'json, 3 bytes\n            {\n              "\\u202e": null\n            }',
    ],
    [
      upload,
      'multipart, 99 bytes, incomplete\n            a=1\\n2\n            f=@cat.png (image/png, 1 byte)',
    ],
  ])('are shown as what they are: %j', (body, shown) => {
    expect(withBody(body).endsWith(`\n  body      ${shown}`)).toBe(true)
  })

  test('of a long text there are 30 lines, and that there were more', () => {
    const body = { kind: 'text', bytes: 1, complete: true, text: 'line\n'.repeat(100_000) } as const
    expect(withBody(body).split('  body ')[1]!.split('\n')).toHaveLength(31)
    expect(withBody(body).endsWith('line\n            …')).toBe(true)
  })

  test('of a form with many fields 30, and how many there are besides', () => {
    const fields = Array.from({ length: 40 }, (_, index) => ({ name: `n${index}`, value: '' }))
    const body = { kind: 'form', bytes: 1, complete: true, fields } as const
    expect(withBody(body).endsWith('\n            n29=\n            and 10 more')).toBe(true)
  })
})

describe('headers', () => {
  const withHeaders = (headers: Record<string, string>): string =>
    detailed({ ...abandoned, request: { ...abandoned.request, headers } })

  test('a long one is on lines further in, so that it cannot pass for two', () => {
    const shown = withHeaders({ evil: `${'x'.repeat(79)} authorization: none`, b: '2' })
    expect(shown).toContain(`
  headers   evil: ${'x'.repeat(79)}
              authorization: none
            b: 2`)
  })

  test('of very many 100, and how many there are besides', () => {
    const headers = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`h${index}`, '']))
    expect(withHeaders(headers).endsWith('\n            h99:\n            and 20 more')).toBe(true)
  })
})

describe('nothing in it can act on a terminal', () => {
  test('what would is shown instead, on its own row', () => {
    expect(detailed(hostile)).toContain('\n  headers   x-\\x07: \\x1b[5mblink\\u2029\n')
    expect(detailed(hostile)).toContain(
      '\n  body      text, 12 bytes, incomplete\n            a\\x1b[2Jb\\tc\n            d\\u200f\n',
    )
    expect(detailed(hostile)).toMatch(/^[\x20-\x7e\n]*$/)
  })

  test('wherever it stands, and no line begins where a report does', () => {
    const block = detailed(everywhere('\u001b]0;x\u0007\u009b2J\r\nFAILED 500\u202e\u2028'))
    expect(block).toMatch(/^[\x20-\x7e\n…]*$/)
    const others = block.split('\n').slice(1)
    expect(others.filter((line) => /^\S/.test(line))).toEqual([])
  })
})
