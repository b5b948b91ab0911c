import { appendFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { curfew, fileOf, linesOf, makeReport, Spawned, spawned, temporary } from '../test/support.ts'

const line = (id: string): string => linesOf(makeReport({ id }))
const ids = (out: string): string[] =>
  out
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((each) => JSON.parse(each).id)

function tail(file: string, ...options: string[]): Spawned {
  return new Spawned(['tail', file, '--json', ...options])
}

async function stopped(process: Spawned, signal: NodeJS.Signals = 'SIGTERM'): Promise<string[]> {
  process.child.kill(signal)
  expect(await process.ended).toBe(0)
  return ids(process.out)
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'the last reports are printed, then those that are added, until %s',
  async (signal) => {
    const file = fileOf(...Array.from({ length: 15 }, (_, index) => makeReport({ id: `r${index}` })))
    const process = tail(file)
    await process.says('"r14"')
    appendFileSync(file, line('x') + line('y'))
    await process.says('"y"')
    const expected = [...Array.from({ length: 10 }, (_, index) => `r${index + 5}`), 'x', 'y']
    expect(await stopped(process, signal)).toEqual(expected)
    expect(process.err).toBe('')
  },
)

test('-n says how many of the last', async () => {
  const file = fileOf(makeReport({ id: 'a' }), makeReport({ id: 'b' }), makeReport({ id: 'c' }))
  const two = tail(file, '-n', '2')
  await two.says('"c"')
  expect(await stopped(two)).toEqual(['b', 'c'])
})

test('-n 0 begins with what is new', async () => {
  const file = fileOf('nonsense', makeReport({ id: 'a' }))
  const process = tail(file, '-n', '0')
  // It cannot say when it is there, so what is new goes on until it is seen.
  const adding = setInterval(() => appendFileSync(file, line('new')), 50)
  await process.says('"new"').finally(() => clearInterval(adding))
  expect(new Set(await stopped(process))).toEqual(new Set(['new']))
  expect(process.err).toBe('')
})

test('a half-written line waits for its end', async () => {
  const file = fileOf(makeReport({ id: 'a' }))
  const process = tail(file)
  await process.says('"a"')
  const text = linesOf(makeReport({ id: 'é-half' }))
  const half = Buffer.from(text).indexOf('é') + 1
  appendFileSync(file, Buffer.from(text).subarray(0, half))
  // Another file is looked at as often, so the half has been seen when that was.
  const other = fileOf(makeReport({ id: 'o' }))
  const clock = tail(other)
  await clock.says('"o"')
  appendFileSync(other, line('tick'))
  await clock.says('"tick"')
  appendFileSync(file, Buffer.from(text).subarray(half))
  await process.says('é-half')
  expect(await stopped(process)).toEqual(['a', 'é-half'])
  expect(process.err).toBe('')
  await stopped(clock)
})

test('a file that is renamed is read to its end, and then the one that takes its place', async () => {
  const file = fileOf(makeReport({ id: 'a' }))
  const process = tail(file)
  await process.says('"a"')
  appendFileSync(file, line('b'))
  renameSync(file, `${file}.1`)
  appendFileSync(`${file}.1`, line('c'))
  writeFileSync(file, line('d'))
  await process.says('"d"')
  appendFileSync(file, line('e'))
  await process.says('"e"')
  expect(await stopped(process)).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('a file that is renamed is followed for as long as there is no other', async () => {
  const file = fileOf(makeReport({ id: 'a' }))
  const process = tail(file)
  await process.says('"a"')
  renameSync(file, `${file}.1`)
  appendFileSync(`${file}.1`, line('b'))
  await process.says('"b"')
  writeFileSync(file, line('c'))
  await process.says('"c"')
  expect(await stopped(process)).toEqual(['a', 'b', 'c'])
})

test('a file that is emptied is read from its beginning', async () => {
  const file = fileOf(makeReport({ id: 'a' }), makeReport({ id: 'b' }))
  const process = tail(file)
  await process.says('"b"')
  truncateSync(file)
  appendFileSync(file, line('c'))
  await process.says('"c"')
  expect(await stopped(process)).toEqual(['a', 'b', 'c'])
})

test('a file that is emptied and at once longer than before is read from its beginning', async () => {
  const file = fileOf(makeReport({ id: 'a' }))
  const process = tail(file)
  await process.says('"a"')
  writeFileSync(file, line('b') + line('c') + line('d'))
  await process.says('"d"')
  expect(await stopped(process)).toEqual(['a', 'b', 'c', 'd'])
})

test('a torn line at the end of a file that was replaced is told, and the next file is whole', async () => {
  const file = fileOf(makeReport({ id: 'a' }))
  appendFileSync(file, '{"schema":1,')
  const process = tail(file)
  await process.says('"a"')
  unlinkSync(file)
  writeFileSync(file, `nonsense\n${line('b')}`)
  await process.says('"b"')
  expect(await stopped(process)).toEqual(['a', 'b'])
  expect(process.err).toContain(`${file}:2: warning: the last line has no end`)
  expect(process.err).toContain(`${file}:1: `)
})

test('a file that is not there yet is waited for, and so is its folder', async () => {
  const folder = join(temporary(), 'later')
  const file = join(folder, 'reports.jsonl')
  const process = tail(file)
  await process.says('waiting', 'err')
  await mkdir(folder)
  writeFileSync(file, line('a'))
  await process.says('"a"')
  expect(await stopped(process)).toEqual(['a'])
})

test('what cannot be read is exit code 3', async () => {
  const folder = temporary()
  expect(await spawned(['tail', folder])).toMatchObject({ code: 3, err: expect.stringContaining('EISDIR') })
  const file = join(folder, 'file')
  writeFileSync(file, '')
  expect(await spawned(['tail', join(file, 'inside')])).toMatchObject({
    code: 3,
    err: expect.stringContaining('ENOTDIR'),
  })
})

test('stdin is followed to its end', async () => {
  const process = tail('-')
  process.child.stdin.write(line('a'))
  await process.says('"a"')
  process.child.stdin.write(`nonsense\n${line('b')}`)
  await process.says('"b"')
  process.child.stdin.end('{"torn')
  expect(await process.ended).toBe(3)
  expect(process.err).toMatch(/^<stdin>:2: .*\n<stdin>:4: warning: /)
})

test('stdin that does not end ends with a signal', async () => {
  const process = tail('-')
  process.child.stdin.write(line('a'))
  await process.says('"a"')
  expect(await stopped(process, 'SIGINT')).toEqual(['a'])
})

test('for people it prints blocks', async () => {
  const { code, out } = await curfew(['tail', '-'], { input: line('a') + line('b') })
  expect(code).toBe(0)
  expect(out.match(/^FAILED 500 {2}GET/gm)).toHaveLength(2)
})
