import { describe, expect, test } from 'vitest'
import { curfew, fileOf, makeReport } from '../test/support.ts'

const file = (): string =>
  fileOf(
    makeReport({ id: 'aaa1', kind: 'timed-out', fingerprint: 'f00d' }),
    makeReport({ id: 'aaa2', fingerprint: 'beef' }),
    makeReport({ id: 'aaa1', kind: 'late', fingerprint: 'f00d' }),
    makeReport({ id: 'aaa', fingerprint: 'f0e1' }),
  )

async function shown(...options: string[]) {
  const { code, out } = await curfew(['show', file(), '--json', ...options])
  const reports: { id: string; kind: string }[] = out === '' ? [] : JSON.parse(out)
  return [code, reports.map(({ id, kind }) => `${id} ${kind}`)]
}

test('all reports are shown in their order', async () => {
  expect(await shown()).toEqual([0, ['aaa1 timed-out', 'aaa2 failed', 'aaa1 late', 'aaa failed']])
})

test('only so many from the end, of one kind or several, and with one fingerprint', async () => {
  expect(await shown('--last', '2')).toEqual([0, ['aaa1 late', 'aaa failed']])
  expect(await shown('--kind', 'late')).toEqual([0, ['aaa1 late']])
  expect(await shown('--kind', 'late', '--kind', 'timed-out')).toEqual([0, ['aaa1 timed-out', 'aaa1 late']])
  expect(await shown('--kind', 'late,failed', '--last', '9')).toEqual([
    0,
    ['aaa2 failed', 'aaa1 late', 'aaa failed'],
  ])
  expect(await shown('--fingerprint', 'f00d')).toEqual([0, ['aaa1 timed-out', 'aaa1 late']])
  expect(await shown('--fingerprint', 'f0', '--last', '1')).toEqual([0, ['aaa failed']])
})

test('a kind that no report has shows nothing, which is no mistake; a fingerprint is one', async () => {
  expect(await shown('--kind', 'abandoned')).toEqual([0, []])
  expect(await curfew(['show', file(), '--fingerprint', '99'])).toEqual({
    code: 4,
    out: '',
    err: 'No report has fingerprint: 99\n',
  })
})

test('an id is found by its beginning, and the newest report with it is shown', async () => {
  expect(await shown('--id', 'aaa1')).toEqual([0, ['aaa1 late']])
  expect(await shown('--id', 'aaa1', '--kind', 'timed-out')).toEqual([0, ['aaa1 timed-out']])
  expect(await shown('--id', 'aaa2')).toEqual([0, ['aaa2 failed']])
})

test('an id that is there as it was given is meant, even if others begin with it', async () => {
  expect(await shown('--id', 'aaa')).toEqual([0, ['aaa failed']])
})

test('an id that none has, or several begin with, is told', async () => {
  expect(await curfew(['show', file(), '--id', 'b'])).toEqual({
    code: 4,
    out: '',
    err: 'No report has id: b\n',
  })
  expect(await curfew(['show', file(), '--id', 'a'])).toEqual({
    code: 4,
    out: '',
    err: 'Several reports begin with id a:\n  aaa1\n  aaa2\n  aaa\n',
  })
})

test('a report that is newer than another one with the same id is shown although others stand between', async () => {
  const path = fileOf(
    makeReport({ id: 'xy', kind: 'timed-out' }),
    makeReport({ id: 'x', kind: 'timed-out' }),
    makeReport({ id: 'xy', kind: 'late' }),
    makeReport({ id: 'x', kind: 'late' }),
    makeReport({ id: 'xz', kind: 'late' }),
  )
  const { out } = await curfew(['show', path, '--id', 'x', '--json'])
  expect(JSON.parse(out)).toMatchObject([{ id: 'x', kind: 'late' }])
})

test('blocks are parted by an empty line', async () => {
  const { out } = await curfew(['show', file(), '--last', '2'])
  expect(out.match(/^[A-Z].*$/gm)).toHaveLength(2)
  expect(out.match(/^$/gm)).toHaveLength(2)
})

test('JSON has all of a report, with what this version does not know', async () => {
  const report = { ...makeReport(), added: { later: ['\u001b[2J', '\u202e'] } }
  const { out } = await curfew(['show', fileOf(JSON.stringify(report)), '--json'])
  expect(JSON.parse(out)).toEqual([report])
  expect(out).toMatch(/^[\x20-\x7e\n]*$/)
})

describe('a block for people', () => {
  const blockOf = async (report: Parameters<typeof makeReport>[0], ...options: string[]) => {
    const { code, out, err } = await curfew(['show', fileOf(makeReport(report)), ...options], {
      env: { FORCE_COLOR: '1' },
    })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return out
  }
  test('has all that there is to say', async () => {
    const report = {
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
        cause: {
          name: 'Error',
          message: '',
          errors: [{ name: 'string', message: 'thrown', value: { a: 1 } }],
        },
      },
      written: { status: 201, headers: {}, bytes: 3 },
      abandoned: true,
      late: { kind: 'failed', afterMs: 1_500 },
      timing: { elapsedMs: 5_003, timeoutMs: null, lateMs: 0.42 },
      repeatOf: '6f',
      count: 7,
      omitted: ['response.headers'],
    }
    expect(await blockOf(report, '--no-color')).toBe(`FAILED 500  POST http://shop.example/orders/42?page=2
  error     TypeError: no
            code: "E_NO"
              at one (/a.js:1:2)
  cause     Error
    1 of 1  string: thrown
            {"a":1}
  repeats   7 requests like that of report 6f
  outcome   failed while handling
  late      failed 1.5 s after the end
  took      5 s, no limit, timer 0.4 ms late
  time      2026-03-01T09:30:00.000Z
  route     /orders/:id
  request   req-1
  report    6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01, fingerprint 3f2a9c1b5d7e8f60
  where     shop 1.2.3, pid 42, node 20.20.2
  omitted   response.headers
  headers   accept: */*
  body      form, 9 bytes, incomplete
            a=1
            f=@cat.png (image/png, 1 byte)
  response  500
            content-type: application/problem+json
  written   201 with 3 bytes
`)
  })

  test('has nothing that acts on a terminal, or begins a line of its own, whoever chose it', async () => {
    const evil = '\u001b]0;x\u0007\u009b2J\r\nFAILED 500\u202e\u2028'
    const block = await blockOf(
      {
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
      },
      '--no-color',
    )
    expect(block).toMatch(/^[\x20-\x7e\n…]*$/)
    expect(
      block
        .split('\n')
        .slice(1)
        .filter((line) => /^\S/.test(line)),
    ).toEqual([])
  })

  test('is cut where it is long, and says so', async () => {
    const long = 'x'.repeat(100_000)
    const chain = (depth: number): object => ({
      name: 'E',
      message: 'x',
      ...(depth > 0 && { cause: chain(depth - 1) }),
    })
    const block = await blockOf(
      {
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
      },
      '--no-color',
    )
    expect(block.length).toBeLessThan(20_000)
    expect(block.split('\n').length).toBeLessThan(120)
    expect(block).toContain('and 980 more\n')
    expect(block).toContain('\n    8 of 100 M\n')
    expect(block).not.toContain('9 of 100')
    expect(block).toContain(`${'x'.repeat(87)}…\n`)
    expect(block).toContain('line\n            …\n')
  })

  test('is in colour if that is wanted', async () => {
    expect(await blockOf({})).toContain('\u001b[31m')
    expect(await blockOf({}, '--no-color')).not.toContain('\u001b')
  })
})
