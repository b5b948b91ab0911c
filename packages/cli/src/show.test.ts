import { expect, test } from 'vitest'
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
