import * as fs from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { newFolder } from '../test/files.ts'
import { rotate } from './rotate.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = newFolder()
  path = join(folder, 'log')
  fs.writeFileSync(path, 'newest')
  fs.writeFileSync(`${path}.1`, 'newer')
  fs.writeFileSync(`${path}.2`, 'new')
})

function files(): Record<string, string> {
  return Object.fromEntries(
    fs.readdirSync(folder).map((name) => [name, fs.readFileSync(join(folder, name), 'utf8')]),
  )
}

test('each file moves one further', () => {
  expect(rotate(path, 5, fs.statSync(path))).toBe(true)
  expect(files()).toEqual({ 'log.1': 'newest', 'log.2': 'newer', 'log.3': 'new' })
})

test('the last to be kept is replaced', () => {
  expect(rotate(path, 2, fs.statSync(path))).toBe(true)
  expect(files()).toEqual({ 'log.1': 'newest', 'log.2': 'newer' })
})

test('a file that has been moved meanwhile is not moved again, nor is its successor', () => {
  const full = fs.statSync(path)
  fs.renameSync(path, `${path}.3`)
  expect(rotate(path, 5, full)).toBe(true)
  fs.writeFileSync(path, 'next')
  expect(rotate(path, 5, full)).toBe(true)
  expect(files()).toEqual({ log: 'next', 'log.1': 'newer', 'log.2': 'new', 'log.3': 'newest' })
})

test('while somebody else is at it, nothing is done', () => {
  fs.mkdirSync(`${path}.lock`)
  const before = fs.readdirSync(folder)
  expect(rotate(path, 5, fs.statSync(path))).toBe(false)
  expect(fs.readdirSync(folder)).toEqual(before)
})

test.each([
  ['lately', -11_000],
  ['before the clock was set back', 3_600_000],
])('one who was killed at it %s is not waited for', (_, ms) => {
  fs.mkdirSync(`${path}.lock`)
  const then = new Date(Date.now() + ms)
  fs.utimesSync(`${path}.lock`, then, then)
  expect(rotate(path, 5, fs.statSync(path))).toBe(false)
  expect(rotate(path, 5, fs.statSync(path))).toBe(true)
  expect(Object.keys(files())).toEqual(['log.1', 'log.2', 'log.3'])
})

test('what cannot be moved is an error, and others may try', () => {
  fs.rmSync(`${path}.1`)
  fs.mkdirSync(`${path}.1`)
  expect(() => rotate(path, 1, fs.statSync(path))).toThrow('EISDIR')
  fs.rmdirSync(`${path}.1`)
  expect(rotate(path, 1, fs.statSync(path))).toBe(true)
  expect(files()).toEqual({ 'log.1': 'newest', 'log.2': 'new' })
})
