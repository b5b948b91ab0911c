import { InvalidOptionError } from '@curfew/core'
import type { Report } from '@curfew/core/report'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ACTING } from '../test/acting.ts'
import { everywhere } from '../test/everywhere.ts'
import { abandoned, all, failed, hostile, late, repeated, timedOut, upload } from '../test/reports.ts'
import { pretty } from './pretty.ts'

test('a failure: the error, where it was thrown, why, and of which request', () => {
  expect(pretty(failed)).toBe(`\
FAILED 500  POST http://localhost:3000/users/17/orders?coupon=spring&token=%5Bredacted%5D
  error     QueryError: duplicate key value violates unique constraint "orders_pkey"
            {"code":"23505","detail":"Key (id)=(1234) already exists"}
              at OrderStore.insert (/app/src/orders/store.ts:41:13)
              at async placeOrder (/app/src/orders/place-order.ts:18:20)
              at async handle (/app/src/main.ts:12:3)
              and 2 more
  cause     Error: connection is read-only
              at Parser.parseError (/app/node_modules/pg-protocol/dist/parser.js:283:98)
              and 2 more
  outcome   failed while handling
  took      132 ms, limit 5 s
  body      json, 71 bytes: {"id":1234,"items":[{"sku":"A-1","quantity":2}],"card":"[redacted]"}
  time      2026-03-14T09:26:53.589Z
  route     /users/:id/orders
  request   req-7421
  report    0f8b7a52-6d0e-4c39-9c1e-0b9f5f3f6a11, fingerprint 9f2c41d07ab3e865
  where     shop 2.3.1, eu-central-1, shop-7c9d, pid 4711, node 20.20.2, linux x64`)
})

test('a timeout: the limit, how late its timer was, what had been written', () => {
  expect(pretty(timedOut)).toBe(`\
TIMED OUT 503  GET http://localhost:3000/report
  error     TimeoutError: Handler timed out: 5000 ms
            {"code":"HANDLER_TIMEOUT","timeoutMs":5000}
  outcome   timed-out while handling, its handler still at work
  took      5.01 s, limit 5 s, timer 12.7 ms late
  written   200 with 2048 bytes
  time      2026-03-14T09:27:01.004Z
  route     /report
  request   4bf92f3577b34da6a3ce929d0e0e4736
  report    5b1f0a3e-2f5d-4a6b-8a77-3d1f6b0c9e22, fingerprint 1b7d90c2e4f85a36
  where     shop-7c9d, pid 4711, node 20.20.2`)
})

test('what is not known has no row', () => {
  expect(pretty(abandoned)).toBe(`\
ABANDONED 499  GET http://localhost:3000/slow
  outcome   client-closed while handling, its handler still at work
  took      812 ms, no limit
  time      2026-03-14T09:28:40.120Z
  request   made-0001
  report    c7d3e1f9-8b4a-4f0e-9d55-7e2a1c6b4d33, fingerprint e03b6f8d29c7514a`)
})

test('what nobody caught has escaped, before the end or after it', () => {
  const outcome = { ...failed.outcome, escaped: true }
  expect(pretty({ ...failed, outcome, abandoned: true })).toContain(
    '\n  outcome   failed while handling, escaped, its handler still at work\n',
  )
  expect(pretty({ ...late, late: { ...late.late!, escaped: true } })).toContain(
    '\n  late      failed 2.25 s after the end, escaped\n',
  )
})

test('a late settlement says how late', () => {
  expect(pretty(late)).not.toContain('still at work')
  expect(pretty(late)).toMatch(/^LATE 503 {2}GET [\s\S]*\n {2}late {6}failed 2\.25 s after the end\n/)
})

test('a count of repeats says what they are like', () => {
  expect(pretty(repeated)).toContain(`  repeats   40 requests like that of report ${failed.id}\n`)
})

test('a single repeat is told, too', () => {
  expect(pretty({ ...repeated, count: 1 })).toContain(
    `  repeats   1 request like that of report ${failed.id}\n`,
  )
})

test('parts that are missing are named', () => {
  const omitted = ['request.headers', 'error.stack']
  expect(pretty({ ...abandoned, omitted })).toContain('\n  omitted   request.headers, error.stack')
})

const ROW = /^$|^ {12}|^ {2}(?: {2}\d of \d|[a-z]+)(?: +\S|$)/

describe('nothing in it can act on a terminal', () => {
  test('what would is shown instead, on its own row', () => {
    expect(pretty(hostile)).toBe(`\
FAILED 500  POST http://localhost:3000/a?q=%1b[2J\\x1b[2J\\u2066x
  error     Evil\\x1b[31mError: line one
            line two\\u2028three\\x1b]0;owned\\x07 \\u202edesrever\\u202c \\x00 \\x9b2J \\ud800
            <b>@channel</b>
              at \\x1b[2Jrender (/app/src/\\u202eevil.ts:1:1)
  cause     string: \\r\\x1b[1A[fake] all is well
  outcome   failed while handling
  took      132 ms, limit 5 s
  body      text, 12 bytes, incomplete: a\\x1b[2Jb\\tc\\r\\nd\\u200f
  time      2026-03-14T09:26:53.589Z
  request   req\\x1b[0m\\n2026-03-14 [info] forged
  report    d9b2f4a6-3c58-4e1d-b7a0-6f8c2e5d1b55, fingerprint 9f2c41d07ab3e865
  where     sh\\x1b[7mop`)
  })

  test.each([false, true])(
    'wherever it stands, whatever it is: at most 100 columns, no space at an end, no row forged (details: %s)',
    (details) => {
      const row = details ? /^$|^ {12}|^ {2}(?:(?: {2})+(?:\d of \d|cause)|[a-z]+)(?: +\S|$)/ : ROW
      fc.assert(
        fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
          const lines = pretty(everywhere(text), { details }).split('\n')
          for (const line of lines) {
            expect([...line].length).toBeLessThanOrEqual(100)
            expect(line).toBe(line.trimEnd())
            expect(line).not.toMatch(ACTING)
            if (line !== lines[0]) expect(line).toMatch(row)
          }
        }),
      )
    },
  )
})

describe('errors', () => {
  const withError = (error: Report['error']) => pretty({ ...abandoned, error: error! })

  test('what is no Error is shown as it is', () => {
    const error = { name: 'object', message: '', value: { status: 'broken' } }
    expect(withError(error)).toContain('\n  error     object\n            {"status":"broken"}\n  outcome')
  })

  test('an AggregateError shows the first of its members', () => {
    const errors = Array.from({ length: 9 }, (_, index) => ({ name: 'Error', message: `no ${index + 1}` }))
    const shown = withError({ name: 'AggregateError', message: 'All promises were rejected', errors })
    expect(shown).toContain(`\
  error     AggregateError: All promises were rejected
    1 of 9  Error: no 1
    2 of 9  Error: no 2
    3 of 9  Error: no 3
    4 of 9  Error: no 4
  outcome`)
  })

  test.each([10, 1_000, 100_000])('of %d members each has its place', (count) => {
    const errors = Array.from({ length: count }, () => ({ name: 'Error', message: 'no' }))
    expect(withError({ name: 'AggregateError', message: '', errors })).toContain(
      `\n    4 of ${count} Error: no\n`,
    )
  })

  test('a chain of causes without end has one', () => {
    let error: NonNullable<Report['error']> = { name: 'Error', message: 'first' }
    for (let depth = 0; depth < 10_000; depth++)
      error = { name: 'Error', message: `after ${depth}`, cause: error }
    expect(
      withError(error)
        .split('\n')
        .filter((line) => line.startsWith('  cause')),
    ).toHaveLength(5)
    expect(withError(error)).toContain('\n            …\n  outcome')
  })

  test('the frames of a message are no frames', () => {
    const message = 'bad\n    at forged (/etc/passwd:1:1)'
    const stack = `Error: ${message}\n    at real (/app/main.js:1:1)`
    expect(withError({ name: 'Error', message, stack })).toContain(`\
  error     Error: bad
                at forged (/etc/passwd:1:1)
              at real (/app/main.js:1:1)
  outcome`)
  })

  test.each([
    ['of V8 on Windows', '    at run (file:///C:/app/main.js:1:2)', 'at run (C:/app/main.js:1:2)'],
    ['of JavaScriptCore', 'run@/app/main.js:1:2', 'run@/app/main.js:1:2'],
    [
      'of an eval',
      '    at eval (eval at run (/app/a.js:1:2), <anonymous>:3:4)',
      'at eval (eval at run (/app/a.js:1:2), <anonymous>:3:4)',
    ],
  ])('frames %s are known', (_, frame, shown) => {
    expect(withError({ name: 'Error', message: 'm', stack: `Error: m\n${frame}\n` })).toContain(
      `\n              ${shown}\n`,
    )
  })

  test('of a long frame both ends are seen', () => {
    const stack = `Error: m\n    at run (/app/${'folder/'.repeat(40)}file.ts:12:3)`
    expect(withError({ name: 'Error', message: 'm', stack })).toMatch(
      /\n {14}at run \(\/app\/.*….*\/file\.ts:12:3\)\n/,
    )
  })

  test('a stack that is made to be slow to read is not', () => {
    const started = performance.now()
    withError({
      name: 'Error',
      message: 'm',
      stack: `Error: m\n${'@:1'.repeat(100_000)}\n${' '.repeat(300_000)}x`,
    })
    withError({
      name: 'Error',
      message: 'm',
      stack: `Error: m\n${'at '.repeat(100_000)}\n${'node:'.repeat(100_000)}`,
    })
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('bodies are shown in short', () => {
  const bodyRow = (body: NonNullable<Report['request']['body']>) =>
    pretty({ ...abandoned, request: { ...abandoned.request, body } }).match(
      /\n {2}body {6}([\s\S]*?)\n {2}\w/,
    )?.[1]

  test.each([
    [{ kind: 'json', bytes: 2, complete: true, value: {} }, 'json, 2 bytes: {}'],
    [{ kind: 'text', bytes: 1, complete: false, text: 'a' }, 'text, 1 byte, incomplete: a'],
    [{ kind: 'opaque', bytes: 9, complete: true, sha256: 'ab12' }, 'opaque, 9 bytes: sha256 ab12'],
    [upload, 'multipart, 99 bytes, incomplete: a=1\\n2 & f=@cat.png (image/png, 1 byte)'],
  ] as const)('%j', (body, shown) => {
    expect(bodyRow(body)).toBe(shown)
  })

  test('a long one is cut after three lines', () => {
    const lines = bodyRow({ kind: 'text', bytes: 9e6, complete: true, text: 'x'.repeat(9_000_000) })!.split(
      '\n',
    )
    expect(lines).toHaveLength(3)
    expect(lines[2]).toMatch(/x…$/)
  })
})

test('a URL that the heading has no room for has rows of its own', () => {
  const url = `http://localhost/${'path/'.repeat(30)}`
  const lines = pretty({ ...abandoned, request: { ...abandoned.request, url } }).split('\n')
  expect(lines[0]).toMatch(/^ABANDONED 499 {2}GET http.*…$/)
  expect(
    lines
      .slice(1, 3)
      .join('')
      .replace(/^ {2}url +|\s+/g, ''),
  ).toBe(url)
})

describe('colours', () => {
  test('are only there when asked for', () => {
    expect(pretty(failed)).not.toContain('\u001b')
    expect(pretty(failed, { color: true })).toContain(
      '\u001b[31m\u001b[1mFAILED 500\u001b[22m\u001b[39m  POST',
    )
  })

  test.each(all.map((report) => [report.id, report] as const))('change nothing else: %s', (_, report) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are
    const plain = (text: string) => text.replace(/\u001b\[\d+m/g, '')
    for (const details of [false, true])
      expect(plain(pretty(report, { color: true, details }))).toBe(pretty(report, { details }))
  })

  test('frames of packages and of Node.js are dim, one’s own are not', () => {
    const shown = pretty(failed, { color: true })
    expect(shown).toContain('  \u001b[2mat Parser.parseError (/app/node_modules/')
    expect(shown).toContain('\n              at OrderStore.insert (/app/src/')
  })
})

test.each([{ colour: true }, { color: 'yes' }, { details: 1 }, null])(
  'bad options are refused: %j',
  (options) => {
    expect(() => pretty(failed, options as never)).toThrow(InvalidOptionError)
  },
)
