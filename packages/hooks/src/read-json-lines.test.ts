import * as fs from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InvalidOptionError } from '@curfew/core'
import { expect, test } from 'vitest'
import { newFolder, openHandles, reportsIn } from '../test/files.ts'
import { abandoned, all, failed } from '../test/reports.ts'
import { printableJson } from './printable-json.ts'
import { type JsonLine, type ReadJsonLinesOptions, readJsonLines } from './read-json-lines.ts'

function fileOf(content: string | Uint8Array): string {
  const path = join(newFolder(), 'reports.jsonl')
  fs.writeFileSync(path, content)
  return path
}

async function read(content: string | Uint8Array, options?: ReadJsonLinesOptions): Promise<JsonLine[]> {
  const lines: JsonLine[] = []
  for await (const line of readJsonLines(fileOf(content), options)) lines.push(line)
  return lines
}

function refused(line: number, message: string): unknown {
  return { line, error: expect.objectContaining({ code: 'INVALID_LINE', line, message }) }
}

const good = printableJson(failed)

test('each line is a report, with its number', async () => {
  const lines = await read(all.map((report) => `${printableJson(report)}\n`).join(''))
  expect(lines).toEqual(all.map((report, index) => ({ line: index + 1, report })))
})

test('the path may be a URL', async () => {
  for await (const { report } of readJsonLines(pathToFileURL(fileOf(good)))) expect(report).toEqual(failed)
  expect.assertions(1)
})

test('the last line needs no end, an empty one is no line, and ends may be those of Windows', async () => {
  expect(await read(good)).toEqual([{ line: 1, report: failed }])
  expect(await read(`\n${good}\r\n\r\n \n${good}`)).toEqual([
    { line: 2, report: failed },
    { line: 5, report: failed },
  ])
  expect(await read('')).toEqual([])
})

test('a line that is no report is told, and those around it are read', async () => {
  const newer = JSON.stringify({ ...failed, schema: 2 })
  const lines = await read(`${good}\n${good.slice(0, 99)}\n[]\nnull\n${newer}\n\u001b[2J\n${good}\n`)
  expect(lines).toEqual([
    { line: 1, report: failed },
    refused(2, 'Invalid line 2: not JSON'),
    refused(3, 'Invalid line 3: Invalid report at schema: expected one of 1, got undefined'),
    refused(4, 'Invalid line 4: Invalid report: expected an object, got null'),
    refused(5, 'Invalid line 5: Invalid report at schema: expected one of 1, got 2'),
    refused(6, 'Invalid line 6: not JSON'),
    { line: 7, report: failed },
  ])
})

test('so is one that is no UTF-8', async () => {
  const bytes = Buffer.from(`${good}\n${good}\n`)
  bytes[20] = 0xff
  expect(await read(bytes)).toEqual([refused(1, 'Invalid line 1: not UTF-8'), { line: 2, report: failed }])
})

test('and one torn off by a crash, whose end may be zeros', async () => {
  const torn = good.slice(0, 40) + '\0'.repeat(5_000)
  expect(await read(`${good}\n${torn}`)).toEqual([
    { line: 1, report: failed },
    refused(2, 'Invalid line 2: not JSON'),
  ])
})

test('and one that is too deep', async () => {
  const depth = 20_000
  const cause = `${'{"name":"","message":"","cause":'.repeat(depth)}{"name":"","message":""}${'}'.repeat(depth)}`
  const deep = good.replace(/"error":{.*},"request"/, `"error":${cause},"request"`)
  expect(await read(`${deep}\n${good}`)).toEqual([
    { line: 1, error: expect.objectContaining({ code: 'INVALID_LINE' }) },
    { line: 2, report: failed },
  ])
})

test('the message of an error is short whatever the line', async () => {
  const [line] = await read(JSON.stringify({ ...failed, count: 'x'.repeat(100_000) }))
  expect(line!.error!.message.length).toBeLessThan(600)
})

test('a line over the limit is told and passed over, one of just the limit is read', async () => {
  const limit = { maxLineBytes: good.length }
  expect(await read(`${good}\n${good} \n${good}\n${good}  `, limit)).toEqual([
    { line: 1, report: failed },
    refused(2, `Invalid line 2: longer than ${good.length} bytes`),
    { line: 3, report: failed },
    refused(4, `Invalid line 4: longer than ${good.length} bytes`),
  ])
})

test('lines are put together however they are cut into pieces', async () => {
  const report = { ...abandoned, time: 'é'.repeat(100_000) }
  const line = `${printableJson(report)}\n`
  expect(await read(line.repeat(5))).toEqual([1, 2, 3, 4, 5].map((number) => ({ line: number, report })))
})

test('a line of hundreds of megabytes takes no more memory than the limit', async () => {
  const path = fileOf(`${good}\n`)
  const size = 400 * 1024 * 1024
  // A hole in the file: it takes no room on the disk.
  fs.truncateSync(path, size)
  fs.appendFileSync(path, `\n${good}\n`)
  const lines: JsonLine[] = []
  const before = process.memoryUsage()
  let most = 0
  const watching = setInterval(() => {
    const { external, heapUsed } = process.memoryUsage()
    most = Math.max(most, external + heapUsed - before.external - before.heapUsed)
  }, 5)
  for await (const line of readJsonLines(path, { maxLineBytes: 1024 * 1024 })) lines.push(line)
  clearInterval(watching)
  expect(lines.map(({ line, error }) => [line, error?.code])).toEqual([
    [1, undefined],
    [2, 'INVALID_LINE'],
    [3, undefined],
  ])
  expect(most).toBeLessThan(size / 2)
})

test('the file is closed when the loop is left early, as when it ends', async () => {
  const path = fileOf(`${good}\n`.repeat(1_000))
  const before = openHandles()
  for await (const { line } of readJsonLines(path)) if (line === 3) break
  const throwing = async () => {
    for await (const { line } of readJsonLines(path)) if (line === 3) throw new Error('enough')
  }
  await expect(throwing()).rejects.toThrow('enough')
  expect(await reportsIn(path)).toHaveLength(1_000)
  expect(openHandles()).toBe(before)
})

test('a file that is not there, or is none, is an error of the system', async () => {
  const folder = newFolder()
  await expect(readJsonLines(join(folder, 'none')).next()).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(readJsonLines(folder).next()).rejects.toMatchObject({ code: 'EISDIR' })
})

test('bad options are refused', async () => {
  await expect(readJsonLines('x', { maxLineBytes: 0 }).next()).rejects.toThrow(InvalidOptionError)
  await expect(readJsonLines('x', { limit: 1 } as never).next()).rejects.toThrow('limit')
})
