import * as fs from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { InvalidOptionError } from '@curfew/core'
import type { Report } from '@curfew/core/report'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { fileHandles, newFolder, openHandles, realWrite, reportsIn } from '../test/files.ts'
import { all, failed } from '../test/reports.ts'
import { type JsonLinesHook, type JsonLinesOptions, jsonLines } from './json-lines.ts'
import { printableJson } from './printable-json.ts'

const hooks: JsonLinesHook[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.allSettled(hooks.splice(0).map((hook) => hook.close()))
})

function newHook(path: string | URL, options?: JsonLinesOptions): JsonLinesHook {
  const hook = jsonLines(path, options)
  hooks.push(hook)
  return hook
}

function numbered(count: number, from = 0): Report[] {
  return Array.from({ length: count }, (_, index) => ({
    ...failed,
    id: String(from + index).padStart(5, '0'),
  }))
}

function idsOf(reports: readonly Report[]): string[] {
  return reports.map(({ id }) => id)
}

/** Bytes of each of the numbered reports on its line. */
const LINE = printableJson({ ...failed, id: '00000' }).length + 1

test('each report is a line, in the order in which they were fired', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const hook = newHook(path)
  expect(hook.name).toBe('json-lines')
  await Promise.all(all.map((report) => hook.fire(report)))
  await hook.fire(failed)
  expect(await reportsIn(path)).toEqual([...all, failed])
  expect(fs.readFileSync(path, 'utf8').split('\n')).toHaveLength(all.length + 2)
})

test('folder and file are made when the first report comes, for their owner only', async () => {
  const folder = join(newFolder(), 'a', 'b')
  const path = join(folder, 'reports.jsonl')
  const hook = newHook(pathToFileURL(path))
  expect(fs.existsSync(folder)).toBe(false)
  await hook.fire(failed)
  expect(fs.statSync(path).mode & 0o777).toBe(0o600)
  expect(fs.statSync(folder).mode & 0o777).toBe(0o700)
})

test('a relative path stays where it was when the process goes elsewhere', async () => {
  const folder = newFolder()
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder)
  const hook = newHook('reports.jsonl')
  cwd.mockRestore()
  await hook.fire(failed)
  expect(await reportsIn(join(folder, 'reports.jsonl'))).toEqual([failed])
})

test('many reports at once are one write', async () => {
  const write = vi.spyOn(await fileHandles(), 'write')
  const path = join(newFolder(), 'reports.jsonl')
  const hook = newHook(path)
  await Promise.all(numbered(1_000).map((report) => hook.fire(report)))
  expect(write).toHaveBeenCalledTimes(1)
  expect(await reportsIn(path)).toEqual(numbered(1_000))
})

test('nothing stays open between two reports', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const hook = newHook(path, { maxBytes: LINE * 2 })
  await hook.fire(failed)
  const before = openHandles()
  for (const report of numbered(20)) await hook.fire(report)
  await hook.flush()
  expect(openHandles()).toBe(before)
})

describe('a line that a crash has torn', () => {
  test('is left as it is, and the next report begins a new one', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    fs.writeFileSync(path, '{"schema":1,"id":"to')
    const hook = newHook(path)
    await hook.fire(failed)
    await hook.fire(failed)
    expect(fs.readFileSync(path, 'utf8')).toBe(
      `{"schema":1,"id":"to\n${printableJson(failed)}\n${printableJson(failed)}\n`,
    )
  })

  test('counts for the size', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    fs.writeFileSync(path, 'x')
    const hook = newHook(path, { maxBytes: LINE + 1 })
    await hook.fire(numbered(1)[0]!)
    expect(fs.readFileSync(`${path}.1`, 'utf8')).toBe('x')
    expect(await reportsIn(path)).toEqual(numbered(1))
  })
})

describe('a full file', () => {
  test('is moved aside, and the oldest dropped', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path, { maxBytes: LINE * 3, keep: 2 })
    for (const report of numbered(11)) await hook.fire(report)
    expect(idsOf(await reportsIn(`${path}.2`))).toEqual(['00003', '00004', '00005'])
    expect(idsOf(await reportsIn(`${path}.1`))).toEqual(['00006', '00007', '00008'])
    expect(idsOf(await reportsIn(path))).toEqual(['00009', '00010'])
    expect(fs.existsSync(`${path}.3`)).toBe(false)
  })

  test('is one too when many reports come at once', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path, { maxBytes: LINE * 3 + 1, keep: 5 })
    await Promise.all(numbered(11).map((report) => hook.fire(report)))
    const files = ['.3', '.2', '.1', ''].map((end) => path + end)
    expect(files.map((file) => fs.statSync(file).size)).toEqual([LINE * 3, LINE * 3, LINE * 3, LINE * 2])
    expect((await Promise.all(files.map(reportsIn))).flat()).toEqual(numbered(11))
  })

  test('has room for a line that just fits', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path, { maxBytes: LINE * 2 })
    for (const report of numbered(2)) await hook.fire(report)
    expect(fs.existsSync(`${path}.1`)).toBe(false)
    expect(fs.statSync(path).size).toBe(LINE * 2)
  })

  test('is deleted where none is to be kept', async () => {
    const folder = newFolder()
    const path = join(folder, 'reports.jsonl')
    const hook = newHook(path, { maxBytes: LINE, keep: 0 })
    for (const report of numbered(3)) await hook.fire(report)
    expect(fs.readdirSync(folder)).toEqual(['reports.jsonl'])
    expect(await reportsIn(path)).toEqual(numbered(1, 2))
  })

  test('is what a line longer than any file has to itself', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path, { maxBytes: 1 })
    await Promise.all(numbered(3).map((report) => hook.fire(report)))
    const files = await Promise.all(['.2', '.1', ''].map((end) => reportsIn(path + end)))
    expect(files).toEqual(numbered(3).map((report) => [report]))
  })

  test('fills a gap before it moves what is after it', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    fs.writeFileSync(`${path}.2`, 'old')
    const hook = newHook(path, { maxBytes: LINE })
    for (const report of numbered(2)) await hook.fire(report)
    expect(await reportsIn(`${path}.1`)).toEqual(numbered(1))
    expect(fs.readFileSync(`${path}.2`, 'utf8')).toBe('old')
  })

  test('is not written on while somebody else moves it', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path, { maxBytes: LINE })
    await hook.fire(failed)
    fs.mkdirSync(`${path}.lock`)
    const looks = vi.spyOn(await fileHandles(), 'stat')
    const firing = hook.fire(failed)
    await vi.waitFor(() => expect(looks.mock.calls.length).toBeGreaterThan(3))
    expect(await reportsIn(path)).toEqual([failed])
    fs.rmdirSync(`${path}.lock`)
    await firing
    expect(await reportsIn(`${path}.1`)).toEqual([failed])
    expect(await reportsIn(path)).toEqual([failed])
  })

  test('that cannot be moved is not written on: reports are refused until it can', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    fs.mkdirSync(join(`${path}.1`, 'occupied'), { recursive: true })
    const hook = newHook(path, { maxBytes: LINE, keep: 1 })
    await hook.fire(numbered(1)[0]!)
    const before = openHandles()
    await expect(hook.fire(failed)).rejects.toMatchObject({ code: 'EISDIR', syscall: 'rename' })
    expect(openHandles()).toBe(before)
    expect(await reportsIn(path)).toEqual(numbered(1))
    fs.rmSync(`${path}.1`, { recursive: true })
    await hook.fire(failed)
    expect(await reportsIn(path)).toEqual([failed])
  })
})

describe('two hooks on one path', () => {
  test('tear no line of each other’s, and lose none', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const [one, two] = [newHook(path), newHook(path)]
    const firing: Promise<void>[] = []
    for (let round = 0; round < 50; round++) {
      firing.push(...numbered(5, round * 5).map((report) => one.fire(report)))
      firing.push(...numbered(5, round * 5 + 1_000).map((report) => two.fire(report)))
      await Promise.race(firing.slice(-2))
    }
    await Promise.all(firing)
    const ids = idsOf(await reportsIn(path))
    expect(ids.filter((id) => id < '01000')).toEqual(idsOf(numbered(250)))
    expect(ids.filter((id) => id >= '01000')).toEqual(idsOf(numbered(250, 1_000)))
  })

  test('do not rotate twice when the file is full for both', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const options = { maxBytes: LINE * 10, keep: 100 }
    const [one, two] = [newHook(path, options), newHook(path, options)]
    const firing = numbered(500).map((report, index) => (index % 2 ? one : two).fire(report))
    await Promise.all(firing)
    const files = fs.readdirSync(join(path, '..')).map((name) => join(path, '..', name))
    const reports = await Promise.all(files.map(reportsIn))
    // Both may have found the room that there was for one.
    expect(reports.filter(({ length }) => length < 10).length).toBeLessThanOrEqual(1)
    expect(idsOf(reports.flat()).sort()).toEqual(idsOf(numbered(500)))
  })
})

describe('what others do to the file', () => {
  test('moved, it is left to who moved it', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path)
    await hook.fire(failed)
    fs.renameSync(path, `${path}.old`)
    await hook.flush()
    for (const report of numbered(2)) await hook.fire(report)
    expect(await reportsIn(`${path}.old`)).toEqual([failed])
    expect(await reportsIn(path)).toEqual(numbered(2))
  })

  test('deleted with its folder, it is made anew', async () => {
    const folder = join(newFolder(), 'a', 'b')
    const hook = newHook(join(folder, 'reports.jsonl'))
    await hook.fire(failed)
    fs.rmSync(folder, { recursive: true })
    await hook.fire(failed)
    expect(await reportsIn(join(folder, 'reports.jsonl'))).toEqual([failed])
  })

  test('emptied, it is begun again', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path)
    await hook.fire(failed)
    fs.truncateSync(path)
    await hook.fire(failed)
    expect(await reportsIn(path)).toEqual([failed])
  })
})

describe('a write that fails', () => {
  test.each([
    ['a folder is there', 'EISDIR', (path: string) => fs.mkdirSync(path)],
    ['it is under a file', 'ENOTDIR', (path: string) => fs.writeFileSync(join(path, '..'), '')],
    ['its folder cannot be made', 'ENOENT', (path: string) => fs.symlinkSync('/nowhere/at/all', path)],
    ['the disk is full', 'ENOSPC', (path: string) => fs.symlinkSync('/dev/full', path)],
  ])('is told to those whose reports they were, and no one else: %s', async (_, code, breakPath) => {
    const folder = join(newFolder(), 'a')
    const path = join(folder, 'reports.jsonl')
    if (code !== 'ENOTDIR') fs.mkdirSync(folder)
    breakPath(path)
    const hook = newHook(path)
    const before = openHandles()
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.allSettled(all.map((report) => hook.fire(report)))
      expect(outcomes).toEqual(
        all.map(() => ({ status: 'rejected', reason: expect.objectContaining({ code }) })),
      )
    }
    expect(openHandles()).toBe(before)
    fs.rmSync(code === 'ENOTDIR' ? folder : path, { recursive: true })
    await hook.fire(failed)
    expect(await reportsIn(path)).toEqual([failed])
  })

  test('half-way through keeps what is whole, refuses the rest, and begins a new line after it', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path)
    const write = await realWrite()
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    vi.spyOn(await fileHandles(), 'write')
      .mockImplementationOnce(function (this: unknown, bytes: unknown) {
        return write(this, bytes, 0, LINE * 2 + 10)
      })
      .mockRejectedValueOnce(full)
    const outcomes = await Promise.allSettled(numbered(4).map((report) => hook.fire(report)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
    await hook.fire(failed)
    const lines = fs.readFileSync(path, 'utf8').split('\n')
    expect(lines.map((line) => line.length)).toEqual([
      LINE - 1,
      LINE - 1,
      10,
      printableJson(failed).length,
      0,
    ])
  })

  test('in parts is no failure', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    fs.writeFileSync(path, 'torn')
    const hook = newHook(path)
    const write = await realWrite()
    vi.spyOn(await fileHandles(), 'write').mockImplementation(function (
      this: unknown,
      ...[bytes, from]: unknown[]
    ) {
      return write(this, bytes, from, Math.min(1_000, (bytes as Buffer).length - Number(from)))
    })
    await Promise.all(numbered(3).map((report) => hook.fire(report)))
    const [torn, ...lines] = fs.readFileSync(path, 'utf8').split('\n')
    expect(torn).toBe('torn')
    expect(lines).toEqual([...numbered(3).map((report) => printableJson(report)), ''])
  })

  test('is none of the reports that come meanwhile', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path)
    let later: Promise<void> | undefined
    vi.spyOn(await fileHandles(), 'write').mockImplementationOnce((() => {
      later = hook.fire(failed)
      return Promise.reject(Object.assign(new Error('input/output error'), { code: 'EIO' }))
    }) as never)
    await expect(hook.fire(all[1]!)).rejects.toMatchObject({ code: 'EIO' })
    await later
    expect(await reportsIn(path)).toEqual([failed])
  })
})

test('a report that is no JSON is refused, and no other', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const hook = newHook(path)
  const bad = { ...failed, error: { name: 'Error', message: '', fields: { big: 1n } } }
  const outcomes = await Promise.allSettled([hook.fire(failed), hook.fire(bad), hook.fire(failed)])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await reportsIn(path)).toEqual([failed, failed])
})

test('what waits to be written has a bound: what is beyond is refused, until there is room again', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const hook = newHook(path, { maxQueuedBytes: LINE * 3 })
  const outcomes = await Promise.allSettled(numbered(5).map((report) => hook.fire(report)))
  const refused = { status: 'rejected', reason: expect.objectContaining({ code: 'QUEUE_FULL' }) }
  const taken = { status: 'fulfilled', value: undefined }
  expect(outcomes).toEqual([taken, taken, taken, refused, refused])
  for (const report of numbered(5, 5)) await hook.fire(report)
  expect(await reportsIn(path)).toEqual([...numbered(3), ...numbered(5, 5)])
})

describe('flush()', () => {
  test('waits for what is queued, and for the disk, once', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path)
    const sync = vi.spyOn(await fileHandles(), 'sync')
    const firing = numbered(10).map((report) => hook.fire(report))
    await hook.flush()
    expect(await reportsIn(path)).toEqual(numbered(10))
    expect(sync).toHaveBeenCalledTimes(1)
    await hook.flush()
    expect(sync).toHaveBeenCalledTimes(1)
    await Promise.all(firing)
  })

  test('has nothing to do where there was nothing to write', async () => {
    const folder = newFolder()
    await newHook(join(folder, 'reports.jsonl')).flush()
    expect(fs.readdirSync(folder)).toEqual([])
  })

  test('rejects when the disk fails, and tries again', async () => {
    const hook = newHook(join(newFolder(), 'reports.jsonl'))
    await hook.fire(failed)
    const sync = vi.spyOn(await fileHandles(), 'sync')
    sync.mockRejectedValueOnce(Object.assign(new Error('input/output error'), { code: 'EIO' }))
    const before = openHandles()
    await expect(hook.flush()).rejects.toMatchObject({ code: 'EIO' })
    expect(openHandles()).toBe(before)
    await hook.flush()
    expect(sync).toHaveBeenCalledTimes(2)
  })

  test('syncs a full file before it is moved', async () => {
    const hook = newHook(join(newFolder(), 'reports.jsonl'), { maxBytes: LINE })
    const sync = vi.spyOn(await fileHandles(), 'sync')
    for (const report of numbered(3)) await hook.fire(report)
    expect(sync).toHaveBeenCalledTimes(2)
  })

  test('takes what is no file for what it is', async () => {
    const path = join(newFolder(), 'null')
    fs.symlinkSync('/dev/null', path)
    const hook = newHook(path, { maxBytes: 1 })
    await hook.fire(failed)
    await hook.flush()
    expect(fs.readlinkSync(path)).toBe('/dev/null')
  })
})

describe('close()', () => {
  test('writes what is left, and refuses what comes later', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const hook = newHook(path)
    const firing = hook.fire(failed)
    const closing = hook.close()
    await expect(hook.fire(failed)).rejects.toMatchObject({ code: 'HOOK_CLOSED' })
    await closing
    await firing
    await hook.close()
    expect(await reportsIn(path)).toEqual([failed])
  })

  test('leaves nothing on the process; many hooks are one listener', async () => {
    const before = process.listenerCount('exit')
    const many = Array.from({ length: 30 }, () => jsonLines('/dev/null'))
    expect(process.listenerCount('exit')).toBe(before + 1)
    await Promise.all(many.map((hook) => hook.close()))
    expect(process.listenerCount('exit')).toBe(before)
  })

  test('does so when the disk fails, too', async () => {
    const before = process.listenerCount('exit')
    const hook = jsonLines(join(newFolder(), 'reports.jsonl'))
    await hook.fire(failed)
    vi.spyOn(await fileHandles(), 'sync').mockRejectedValueOnce(new Error('input/output error'))
    await expect(hook.close()).rejects.toThrow('input/output error')
    expect(process.listenerCount('exit')).toBe(before)
  })
})

test.each<[string, unknown, unknown]>([
  ['path', '', {}],
  ['path', undefined, {}],
  ['path', new URL('http://localhost/reports'), {}],
  ['maxBytes', 'a', { maxBytes: 0 }],
  ['maxBytes', 'a', { maxBytes: '1mb' }],
  ['keep', 'a', { keep: -1 }],
  ['keep', 'a', { keep: Infinity }],
  ['maxQueuedBytes', 'a', { maxQueuedBytes: Number.NaN }],
  ['mode', 'a', { mode: 0o644 }],
])('a bad %s is refused: %s %j', (option, path, options) => {
  const before = process.listenerCount('exit')
  expect(() => jsonLines(path as string, options as never)).toThrow(InvalidOptionError)
  expect(() => jsonLines(path as string, options as never)).toThrow(`Invalid option ${option}: `)
  expect(process.listenerCount('exit')).toBe(before)
})
