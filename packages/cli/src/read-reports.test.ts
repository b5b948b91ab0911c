import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { curfew, fileOf, linesOf, makeReport, temporary } from '../test/support.ts'

const ids = (out: string): string[] => JSON.parse(out).map(({ id }: { id: string }) => id)

test('a bad line is told by its number, and the good ones are shown', async () => {
  const file = fileOf(
    'nonsense',
    makeReport({ id: 'a' }),
    '',
    '{"schema":1}',
    '[]',
    makeReport({ id: 'b' }),
    '{"schema":99}',
  )
  const { code, out, err } = await curfew(['show', file, '--json'])
  expect(code).toBe(3)
  expect(ids(out)).toEqual(['a', 'b'])
  expect(
    err
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(file.length)),
  ).toEqual([
    expect.stringMatching(/^:1: .*JSON/),
    expect.stringMatching(/^:4: Invalid report at id: expected a string, got undefined$/),
    expect.stringMatching(/^:5: Invalid report at schema: expected one of 1, got undefined$/),
    expect.stringMatching(/^:7: Invalid report at schema: expected one of 1, got 99$/),
  ])
})

test('a torn last line is a warning and changes no exit code', async () => {
  const file = fileOf(makeReport({ id: 'a' }))
  writeFileSync(file, '{"schema":1,"id":"to', { flag: 'a' })
  for (const command of ['show', 'stats']) {
    const { code, err } = await curfew([command, file])
    expect(code).toBe(0)
    expect(err).toContain(`${file}:2: warning: the last line has no end`)
  }
})

test('a last line that is whole and only has no end is a report like others', async () => {
  const { code, out, err } = await curfew(['show', '-', '--json'], {
    input: linesOf(makeReport({ id: 'a' })).trimEnd(),
  })
  expect([code, ids(out), err]).toEqual([0, ['a'], ''])
})

test('- is stdin, and messages call it so', async () => {
  const { code, out, err } = await curfew(['show', '-', '--json'], {
    input: `{\n${linesOf(makeReport({ id: 'a' }))}`,
  })
  expect([code, ids(out)]).toEqual([3, ['a']])
  expect(err).toMatch(/^<stdin>:1: /)
})

test('lines that end as on Windows, and a byte order mark, are no matter', async () => {
  const input = `\ufeff${linesOf(makeReport({ id: 'a' }), makeReport({ id: 'b' })).replaceAll('\n', '\r\n')}\r\n`
  expect(await curfew(['show', '-', '--json'], { input })).toMatchObject({ code: 0, err: '' })
})

test('what a bad line says is harmless in a terminal', async () => {
  const input = Buffer.concat([
    Buffer.from('\u001b[2J\u202e\n'),
    Buffer.from('{"schema":"\\u001b[2J"}\n'),
    Buffer.from([0xff, 0xfe, 0x0a]),
  ])
  const { code, err } = await curfew(['show', '-'], { input })
  expect(code).toBe(3)
  expect(err.split('\n')).toHaveLength(4)
  expect(err).toMatch(/^[\x20-\x7e\n]*$/)
})

test('what is nested without end is a bad line', async () => {
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`
  const line = (levels: number): string =>
    JSON.stringify({ ...makeReport({ id: 'a' }), extra: 0 }).replace('"extra":0', `"extra":${deep(levels)}`)
  const causes = `${'{"name":"E","message":"","cause":'.repeat(450)}{"name":"E","message":""}${'}'.repeat(450)}`
  const caused = JSON.stringify({ ...makeReport({ id: 'a' }), error: 0 }).replace(
    '"error":0',
    `"error":${causes}`,
  )
  for (const command of ['show', 'stats']) {
    expect(await curfew([command, '-'], { input: `${line(400)}\n` })).toMatchObject({ code: 0 })
    expect(await curfew([command, '-'], { input: `${line(100_000)}\n` })).toMatchObject({ code: 3 })
    expect([0, 3]).toContain((await curfew([command, '-'], { input: `${caused}\n` })).code)
  }
})

test('a file that cannot be read is told, with exit code 3 and nothing on stdout', async () => {
  const folder = temporary()
  mkdirSync(join(folder, 'sub'))
  for (const command of ['show', 'stats']) {
    expect(await curfew([command, join(folder, 'none'), '--json'])).toEqual({
      code: 3,
      out: '',
      err: `Cannot read ${join(folder, 'none')}: ENOENT: no such file or directory\n`,
    })
    expect(await curfew([command, join(folder, 'sub')])).toMatchObject({
      code: 3,
      err: expect.stringContaining('EISDIR'),
    })
  }
})

test('a file with nothing in it has no reports', async () => {
  const file = fileOf()
  expect(await curfew(['show', file])).toEqual({ code: 0, out: '', err: '' })
  expect(await curfew(['show', file, '--json'])).toEqual({ code: 0, out: '[]\n', err: '' })
  expect(await curfew(['stats', file])).toEqual({ code: 0, out: '0 requests in 0 reports\n', err: '' })
})
