import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { fileHandles, newFolder, openHandles, realWrite } from '../test/files.ts'
import { type Line, LogFile } from './log-file.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const lines: readonly Line[] = ['one\n', 'two\n', 'three\n'].map((text) => ({ text, bytes: text.length }))

test('at the end of the process everything is written at once, after a line that was torn', () => {
  const path = join(newFolder(), 'a', 'lines')
  new LogFile(path, 1, 1).appendNow(lines)
  fs.appendFileSync(path, 'torn')
  new LogFile(path, 1, 1).appendNow(lines)
  expect(fs.readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\ntorn\none\ntwo\nthree\n')
  expect(fs.statSync(path).mode & 0o777).toBe(0o600)
})

test('what is being written when the end comes is waited for, and is there once, before the rest', async () => {
  const path = join(newFolder(), 'lines')
  fs.writeFileSync(path, 'before\n')
  const file = new LogFile(path, 1_000, 1)
  const write = await realWrite()
  const all = [...lines]
  vi.spyOn(await fileHandles(), 'write').mockImplementationOnce(function (this: unknown, ...args: unknown[]) {
    const writing = write(this, ...args)
    all.push({ text: 'four\n', bytes: 5 })
    file.appendNow(all)
    return writing
  })
  expect(await file.append(all)).toEqual({ lines, written: 3 })
  expect(fs.readFileSync(path, 'utf8')).toBe('before\none\ntwo\nthree\nfour\n')
})

test('once it is written, the end does not write it again', async () => {
  const path = join(newFolder(), 'lines')
  const file = new LogFile(path, 1_000, 1)
  const queue = [...lines]
  const write = await realWrite()
  vi.spyOn(await fileHandles(), 'write').mockImplementationOnce(function (this: unknown, ...args: unknown[]) {
    const handle = this as fs.promises.FileHandle
    const { close } = handle
    handle.close = () => {
      file.appendNow(queue)
      return close()
    }
    return write(handle, ...args)
  })
  expect(await file.append(queue)).toEqual({ lines, written: 3 })
  expect(fs.readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\n')
})

test('what does not arrive in a second is written again', async () => {
  const path = join(newFolder(), 'lines')
  const file = new LogFile(path, 1_000, 1)
  vi.spyOn(await fileHandles(), 'write').mockImplementationOnce(() => {
    file.appendNow(lines)
    return Promise.reject(new Error('too late'))
  })
  expect(await file.append([...lines])).toMatchObject({ lines, written: 0 })
  expect(fs.readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\n')
})

test('of what is no file, what is being written is trusted to arrive', async () => {
  const file = new LogFile('/dev/null', 1_000, 1)
  const write = await realWrite()
  const started = performance.now()
  vi.spyOn(await fileHandles(), 'write').mockImplementationOnce(function (this: unknown, ...args: unknown[]) {
    file.appendNow(lines)
    return write(this, ...args)
  })
  expect(await file.append([...lines])).toMatchObject({ written: 3 })
  expect(performance.now() - started).toBeLessThan(900)
})

test.each([
  ['the disk is full', () => '/dev/full', 'ENOSPC'],
  ['it is a folder', newFolder, 'EISDIR'],
])('what fails at the end is told, and nothing stays open: %s', (_, path, code) => {
  const before = openHandles()
  expect(new LogFile(path(), 1_000, 1).appendNow(lines)).toMatchObject({ lines, written: 0, error: { code } })
  expect(openHandles()).toBe(before)
})
