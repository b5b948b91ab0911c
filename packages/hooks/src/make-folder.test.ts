import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newFolder } from '../test/files.ts'
import { makeFolder } from './make-folder.ts'

test('it is made with those that it is in, for its owner only', () => {
  const folder = newFolder()
  makeFolder(join(folder, 'a', 'b', 'c'))
  makeFolder(join(folder, 'a', 'b', 'c'))
  for (const path of ['a', 'a/b', 'a/b/c']) expect(fs.statSync(join(folder, path)).mode & 0o777).toBe(0o700)
})

test('what is there already stays as it is', () => {
  const path = join(newFolder(), 'file')
  fs.writeFileSync(path, 'content')
  makeFolder(path)
  expect(fs.readFileSync(path, 'utf8')).toBe('content')
})

test.each([
  ['/proc/curfew/a', 'ENOENT'],
  ['/proc/version/a/b', 'ENOTDIR'],
])('where none can be made that is an error, and not tried for ever: %s', (path, code) => {
  expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code }))
})
