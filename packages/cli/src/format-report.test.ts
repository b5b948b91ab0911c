import picocolors from 'picocolors'
import { expect, test } from 'vitest'
import { makeReport } from '../test/support.ts'
import { firstFrame } from './format-error.ts'
import { formatReport } from './format-report.ts'

const plain = picocolors.createColors(false)

test('a report is a block with all that there is to say', () => {
  const report = makeReport({
    request: {
      method: 'POST',
      route: '/orders/:id',
      headers: { accept: '*/*' },
      body: {
        kind: 'form',
        bytes: 9,
        complete: false,
        fields: [
          { name: 'a', value: '1' },
          { name: 'f', value: 'cat.png', file: { type: 'image/png', bytes: 1 } },
        ],
      },
    },
    error: {
      name: 'TypeError',
      message: 'no',
      stack: 'TypeError: no\n    at one (/a.js:1:2)',
      fields: { code: 'E_NO' },
      cause: { name: 'Error', message: '', errors: [{ name: 'string', message: 'thrown', value: { a: 1 } }] },
    },
    written: { status: 201, headers: {}, bytes: 3 },
    abandoned: true,
    late: { kind: 'failed', afterMs: 1_500 },
    timing: { elapsedMs: 5_003, timeoutMs: null, lateMs: 0.42 },
    repeatOf: '6f',
    count: 7,
    omitted: ['response.headers'],
  })
  expect(formatReport(report, plain)).toBe(`FAILED 500  POST http://shop.example/orders/42?page=2
  error       TypeError: no
                at one (/a.js:1:2)
                code: "E_NO"
                cause: Error
                  one of its errors: string: thrown
                    value: {"a":1}
  time        2026-03-01T09:30:00.000Z
  report      6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01, fingerprint 3f2a9c1b5d7e8f60
  repeats     7 requests like that of report 6f
  request     req-1
  route       /orders/:id
  outcome     failed while handling, its handler failed 1.5 s later
  took        5 s, no limit, timer 0.4 ms late
  where       shop 1.2.3, pid 42, node 20.20.2
  omitted     response.headers
  headers     accept: */*
  body        form, 9 bytes, incomplete
              a=1
              f=@cat.png (image/png, 1 byte)
  response    500
              content-type: application/problem+json
  written     201, 3 bytes of body
`)
})

test.each([
  [{ kind: 'text', bytes: 3, complete: true, text: 'a\u001b[2J\nb' }, ['a\\x1b[2J', 'b']],
  [{ kind: 'opaque', bytes: 3, complete: true, sha256: 'ab12' }, ['sha256 ab12']],
  [{ kind: 'json', bytes: 3, complete: true, value: { '\u202e': null } }, ['{', '  "\\u202e": null', '}']],
])('a body is shown as what it is: %j', (body, lines) => {
  const block = formatReport(makeReport({ request: { body } }), plain).split('\n')
  const at = block.findIndex((line) => line.startsWith('  body'))
  expect(block.slice(at + 1, at + 1 + lines.length).map((line) => line.slice(14))).toEqual(lines)
})

test('nothing that a client or an error chose acts on a terminal, or begins a line of its own', () => {
  const evil = '\u001b]0;x\u0007\u009b2J\r\nFAILED 500\u202e\u2028'
  const report = makeReport({
    id: evil,
    time: evil,
    fingerprint: evil,
    repeatOf: evil,
    error: {
      name: evil,
      message: evil,
      stack: evil,
      fields: { [evil]: evil },
      value: evil,
      cause: { name: evil, message: evil },
    },
    request: {
      id: evil,
      method: evil,
      url: evil,
      route: evil,
      headers: { [evil]: evil },
      body: {
        kind: 'multipart',
        bytes: 1,
        complete: true,
        fields: [{ name: evil, value: evil, file: { type: evil, bytes: 1 } }],
      },
    },
    response: { status: 500, headers: { [evil]: evil } },
    outcome: { kind: 'failed', status: 500, phase: evil },
    where: { service: evil, runtime: { name: evil } },
    omitted: [evil],
  })
  const block = formatReport(report, plain)
  expect(block).toMatch(/^[\x20-\x7e\n]*$/)
  // The lines of a stack are the only ones that stay lines, and they are indented.
  expect(
    block
      .split('\n')
      .slice(1)
      .filter((line) => /^\S/.test(line)),
  ).toEqual([])
})

test('what is long is cut, and says so', () => {
  const long = 'x'.repeat(100_000)
  const chain = (depth: number): object => ({
    name: 'E',
    message: 'x',
    ...(depth > 0 && { cause: chain(depth - 1) }),
  })
  const block = formatReport(
    makeReport({
      error: {
        ...chain(50),
        message: long,
        stack: 'at x\n'.repeat(1_000),
        errors: Array.from({ length: 100 }, () => ({ name: 'M', message: '' })),
      },
      request: {
        url: `http://a.example/${long}`,
        body: { kind: 'text', bytes: 1, complete: true, text: 'line\n'.repeat(100_000) },
      },
    }),
    plain,
  )
  expect(block.length).toBeLessThan(20_000)
  expect(block.split('\n').length).toBeLessThan(120)
  expect(block).toContain('(980 lines more)')
  expect(block).toContain('(92 more)')
})

test('colours are there if they are wanted', () => {
  expect(formatReport(makeReport(), picocolors.createColors(true))).toContain('\u001b[31m')
  expect(formatReport(makeReport(), plain)).not.toContain('\u001b')
})

test.each([
  ['TypeError: at noon (really)\n    at f (/a.js:1:2)\n    at g (/b.js:1:2)', 'at f (/a.js:1:2)'],
  ['Error\n    at async Promise.all (index 0)', 'at async Promise.all (index 0)'],
  ['f@/a.js:1:2\ng@/b.js:3:4', 'f@/a.js:1:2'],
  ['Error: nothing', undefined],
  ['', undefined],
])('of %j the first frame is %j', (stack, frame) => {
  expect(firstFrame({ name: 'Error', message: '', stack })).toBe(frame)
})
