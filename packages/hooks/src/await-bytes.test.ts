import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { newFolder } from '../test/files.ts'
import { awaitBytes } from './await-bytes.ts'

let fd: number

function file(content: string): number {
  fd = fs.openSync(join(newFolder(), 'lines'), 'a+')
  fs.writeSync(fd, content)
  return fd
}

afterEach(() => fs.closeSync(fd))

test('bytes that another thread is writing are waited for', async () => {
  const fd = file('before\n')
  const writing = new Promise((resolve) => fs.write(fd, 'line\n', resolve))
  expect(awaitBytes(fd, Buffer.from('line\n'), 7)).toBe(true)
  expect(fs.readFileSync(fd, 'utf8')).toBe('')
  await writing
})

test('so are those that others wrote around', () => {
  expect(awaitBytes(file('before\nother\nline\nother\n'), Buffer.from('line\n'), 7)).toBe(true)
})

test('what was there before does not count, and the wait has an end', () => {
  const started = performance.now()
  expect(awaitBytes(file('line\nother\n'), Buffer.from('line\n'), 5)).toBe(false)
  expect(performance.now() - started).toBeGreaterThan(900)
})

test('a file that was emptied is no reason to wait for ever', () => {
  expect(awaitBytes(file(''), Buffer.from('line\n'), 500)).toBe(false)
})
