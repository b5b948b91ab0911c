import { expect, test } from 'vitest'
import { thisRuntime } from '../../test/support.ts'
import { whereAmI } from './where.ts'

const node = { pid: 7, platform: 'linux', arch: 'x64', version: 'v20.19.0' }

test('says what the process says of itself', () => {
  expect(whereAmI()).toEqual({
    runtime: thisRuntime(),
    pid: process.pid,
    os: process.platform,
    arch: process.arch,
  })
})

test.each([
  ['Node.js', { process: node }, { name: 'node', version: '20.19.0' }],
  [
    'Node.js with a navigator',
    { process: node, navigator: { userAgent: 'Node.js/22' } },
    { name: 'node', version: '20.19.0' },
  ],
  ['Bun', { process: { ...node, versions: { bun: '1.3.0' } } }, { name: 'bun', version: '1.3.0' }],
  [
    'Deno',
    { process: { ...node, versions: { deno: '2.5.0' } }, navigator: { userAgent: 'Deno/2.5.0' } },
    { name: 'deno', version: '2.5.0' },
  ],
  ['workerd', { process: node, navigator: { userAgent: 'Cloudflare-Workers' } }, { name: 'workerd' }],
  ['one that has no process', { navigator: { userAgent: 'Other/1.0' } }, { name: 'Other/1.0' }],
  ['one that says nothing', {}, undefined],
  ['a bundler’s idea of a process', { process: { platform: '', arch: '' } }, undefined],
])('knows %s', (_, globals, runtime) => {
  expect(whereAmI(globals).runtime).toEqual(runtime)
})

test('leaves out what there is nothing to say about', () => {
  expect(whereAmI({})).toEqual({})
  expect(whereAmI({ process: { platform: '', arch: '' } })).toEqual({})
})
