import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Report } from '@curfew/core/report'
import { afterEach, describe, expect, test } from 'vitest'
import { type JsonLinesHook, type JsonLinesOptions, jsonLines } from '../src/json-lines.ts'
import { readJsonLines } from '../src/read-json-lines.ts'
import { startChild } from './child.ts'
import { newFolder, openHandles, reportsIn } from './files.ts'
import { failed } from './reports.ts'

const hooks: JsonLinesHook[] = []

afterEach(async () => {
  await Promise.all(hooks.splice(0).map((hook) => hook.close()))
})

function newHook(path: string, options?: JsonLinesOptions): JsonLinesHook {
  const hook = jsonLines(path, options)
  hooks.push(hook)
  return hook
}

/** The codes that reports were refused with, and how many of each; `ok` for those that were not. */
function codesOf(outcomes: readonly PromiseSettledResult<void>[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) {
    const code = outcome.status === 'rejected' ? String(outcome.reason.code) : 'ok'
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

describe('a disk that gets full', () => {
  test('keeps whole lines, refuses the rest with the code of the system, and takes new lines once there is room', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    // 32 blocks of 512 bytes, past which the system refuses as it does when a disk is full.
    const child = startChild(
      path,
      `const hook = jsonLines(path)
       const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, number) => fire(hook, number)))
       const written = outcomes.filter(({ status }) => status === 'fulfilled').length
       const codes = new Set(outcomes.slice(written).map(({ reason }) => reason?.code))
       console.log(JSON.stringify({ written, codes: [...codes], size: fs.statSync(path).size }))
       process.stdin.once('data', async () => {
         await fire(hook, 100)
         await hook.close()
         process.exit()
       })`,
      '-S -f 32',
    )
    await child.spoke
    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited'])
    child.write('there is room\n')
    const { code, stdout, stderr } = await child.ended
    const { written, codes, size } = JSON.parse(stdout)
    expect({ code, stderr, codes, size }).toEqual({ code: 0, stderr: '', codes: ['EFBIG'], size: 32 * 512 })
    expect(written).toBeGreaterThan(3)

    const lines = []
    for await (const line of readJsonLines(path)) lines.push(line)
    expect(lines.map(({ report, error }) => report?.id ?? error?.code)).toEqual([
      ...Array.from({ length: written }, (_, number) => String(number)),
      'INVALID_LINE',
      '100',
    ])
  })

  test('says at the end of the process how many reports were lost, and does not hold it up', async () => {
    const path = join(newFolder(), 'reports.jsonl')
    const child = startChild(
      path,
      `const hook = jsonLines(path)
       for (let number = 0; number < 100; number++) fire(hook, number).catch(() => {})
       process.exit(3)`,
      '-S -f 32',
    )
    const { code, stderr } = await child.ended
    const whole = fs.readFileSync(path, 'utf8').split('\n').length - 1
    expect(code).toBe(3)
    expect(stderr).toMatch(new RegExp(`^Curfew reports not written: ${100 - whole} Error: EFBIG`))
    expect(stderr.match(/Curfew/g)).toHaveLength(1)
  })

  test('has a hundred thousand reports refused, in memory that has an end, and nothing stays open', async () => {
    const hook = newHook('/dev/full', { maxQueuedBytes: 10_000 })
    const { id } = failed
    const small = { id } as Report
    const before = openHandles()
    const outcomes = await Promise.allSettled(Array.from({ length: 100_000 }, () => hook.fire(small)))
    const { ENOSPC = 0, QUEUE_FULL = 0, ...others } = codesOf(outcomes)
    expect(others).toEqual({})
    expect(ENOSPC).toBeLessThan(1_000)
    expect(ENOSPC + QUEUE_FULL).toBe(100_000)
    await hook.flush()
    expect(openHandles()).toBe(before)
  })
})

test.each([
  ['where nothing can be made', '/proc/curfew/reports.jsonl', 'ENOENT'],
  ['whose name is too long', `/tmp/${'x'.repeat(300)}`, 'ENAMETOOLONG'],
  ['under a file', '/proc/version/reports.jsonl', 'ENOTDIR'],
])('a path %s refuses each report by itself, and closes at once', async (_, path, code) => {
  const hook = newHook(path)
  for (let round = 0; round < 3; round++) {
    await expect(hook.fire(failed)).rejects.toMatchObject({ code })
  }
  await hook.flush()
})

test('a process that may open no more files refuses reports, lives, and writes again once it may', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const child = startChild(
    path,
    `const hook = jsonLines(path)
     await fire(hook, 0)
     const open = []
     try { for (;;) open.push(fs.openSync('/dev/null')) } catch {}
     const outcomes = await Promise.allSettled([1, 2, 3].map((number) => fire(hook, number)))
     console.log(outcomes.map(({ reason }) => reason?.code).join())
     await hook.flush().catch(({ code }) => console.log(code))
     for (const fd of open) fs.closeSync(fd)
     await fire(hook, 4)
     await hook.close()`,
    '-n 512',
  )
  expect(await child.ended).toMatchObject({ code: 0, stdout: 'EMFILE,EMFILE,EMFILE\nEMFILE\n', stderr: '' })
  expect((await reportsIn(path)).map(({ id }) => id)).toEqual(['0', '4'])
})

describe('a named pipe', () => {
  function newPipe(): string {
    const path = join(newFolder(), 'pipe')
    execFileSync('mkfifo', [path])
    return path
  }

  /** Reads what comes until `stop()`. Without it the pipe has no reader. */
  function readerOf(path: string): { take(): string; stop(): void } {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    const buffer = Buffer.alloc(1_000_000)
    return {
      take() {
        try {
          return buffer.toString('utf8', 0, fs.readSync(fd, buffer))
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
          throw error
        }
      },
      stop: () => fs.closeSync(fd),
    }
  }

  test('that nobody reads refuses reports, and holds up neither flush nor the end', async () => {
    const path = newPipe()
    const hook = newHook(path)
    await expect(hook.fire(failed)).rejects.toMatchObject({ code: 'ENXIO' })
    await hook.flush()
    const child = startChild(
      path,
      `const hook = jsonLines(path)
       for (let number = 0; number < 1_000; number++) fire(hook, number).catch(() => {})
       process.exit(3)`,
    )
    const { code, stderr } = await child.ended
    expect(code).toBe(3)
    expect(stderr).toMatch(/^Curfew reports not written: 1000 Error: ENXIO/)
  })

  test('that is read gets the lines, however slowly', async () => {
    const path = newPipe()
    const reader = readerOf(path)
    const hook = newHook(path)
    const reports = Array.from({ length: 200 }, (_, number) => ({ ...failed, id: String(number) }))
    let text = ''
    let isWriting = true
    const firing = Promise.all(reports.map((report) => hook.fire(report))).finally(() => (isWriting = false))
    for (; isWriting; text += reader.take()) await new Promise((resolve) => setImmediate(resolve))
    await firing
    text += reader.take()
    reader.stop()
    const ids = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).id)
    expect(ids).toEqual(reports.map(({ id }) => id))
  })

  test('that is read no more refuses what it does not take, and the next line begins on its own', async () => {
    const path = newPipe()
    const reader = readerOf(path)
    const hook = newHook(path)
    const reports = Array.from({ length: 200 }, (_, number) => ({ ...failed, id: String(number) }))
    const { ok = 0, EAGAIN = 0 } = codesOf(
      await Promise.allSettled(reports.map((report) => hook.fire(report))),
    )
    expect(ok).toBeGreaterThan(10)
    expect(ok + EAGAIN).toBe(200)
    const taken = reader.take()
    expect(taken.endsWith('\n')).toBe(false)
    await hook.fire(failed)
    const lines = (taken + reader.take()).split('\n')
    reader.stop()
    expect(lines).toHaveLength(ok + 3)
    expect(JSON.parse(lines.at(-2)!)).toEqual(failed)
  })

  test('whose reader is slow at the end of the process gets what it takes, and no more is waited for', async () => {
    const path = newPipe()
    const reader = readerOf(path)
    const child = startChild(
      path,
      `const hook = jsonLines(path)
       for (let number = 0; number < 1_000; number++) fire(hook, number).catch(() => {})
       setTimeout(() => process.exit(3), 20)`,
    )
    const { code, stderr } = await child.ended
    const whole = reader.take().split('\n').length - 1
    reader.stop()
    expect(code).toBe(3)
    expect(whole).toBeGreaterThan(10)
    expect(stderr).toContain(`Curfew reports not written: ${1_000 - whole} Error: EAGAIN`)
  })
})
