import { once } from 'node:events'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { failure, fileOf, linesOf, listen, makeReport, Spawned, spawned, temporary } from '../test/support.ts'

const ID = ['--id', '6f1c']

describe('exit codes of the built command', () => {
  test.each([
    ['0 for what is done', ['show', 'FILE'], 0],
    ['2 for an option that there is not', ['show', 'FILE', '--nonsense'], 2],
    ['3 for a file that is not there', ['show', 'FILE.none'], 3],
    ['3 for a file with a bad line', ['stats', 'BAD'], 3],
    ['4 for an id that none has', ['show', 'FILE', '--id', 'zz'], 4],
    ['5 for values that are missing', ['curl', 'SECRET', ...ID], 5],
  ])('%s', async (_, argv, code) => {
    const files: Record<string, string> = {
      FILE: fileOf(makeReport()),
      BAD: fileOf('nonsense'),
      SECRET: fileOf(makeReport({ request: { headers: { authorization: '[redacted]' } } })),
    }
    const result = await spawned(argv.map((each) => files[each] ?? each))
    expect(result.code).toBe(code)
    expect(result.err === '').toBe(code === 0)
  })

  test('0 and 1 for what a replay finds, 6 for no answer', async () => {
    const same = await listen(failure)
    const other = await listen()
    const file = fileOf(makeReport())
    const replayed = async (to: string) =>
      (await spawned(['replay', file, ...ID, '--to', to, '--timeout', '20000'])).code
    expect(await replayed(same.origin)).toBe(0)
    expect(await replayed(other.origin)).toBe(1)
    const broken = await listen((_, response) => response.destroy())
    expect(await replayed(broken.origin)).toBe(6)
  })
})

test('a proxy of the environment is not asked', async () => {
  const proxy = await listen()
  const target = await listen(failure)
  const env = {
    HTTP_PROXY: proxy.origin,
    http_proxy: proxy.origin,
    ALL_PROXY: proxy.origin,
    NODE_USE_ENV_PROXY: '1',
  }
  expect(
    await spawned(['replay', fileOf(makeReport()), ...ID, '--to', target.origin], { env }),
  ).toMatchObject({ code: 0 })
  expect([target.received.length, proxy.received.length]).toEqual([1, 0])
})

test('it runs by the link that npm makes', async () => {
  const { bin } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const target = fileURLToPath(new URL(`../${bin.curfew}`, import.meta.url))
  const link = join(temporary(), 'curfew')
  symlinkSync(target, link)
  expect(await spawned(['--version'], { main: link })).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\./),
    err: '',
  })
  expect(readFileSync(target, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})

test('it ends quietly when nobody reads on', async () => {
  const reports = Array.from({ length: 5_000 }, (_, index) => makeReport({ id: `r${index}` }))
  for (const options of [[], ['--json']]) {
    const process = new Spawned(['show', fileOf(...reports), ...options])
    await once(process.child.stdout, 'data')
    process.child.stdout.destroy()
    expect([await process.ended, process.err]).toEqual([0, ''])
  }
})

test('it ends when what it reads does not, once there is nothing more to say', async () => {
  const process = new Spawned(['show', '-'])
  process.child.stdin.write(linesOf(makeReport()))
  await process.says('FAILED 500')
  process.child.stdout.destroy()
  process.child.stdin.write(linesOf(makeReport(), makeReport()))
  expect([await process.ended, process.err]).toEqual([0, ''])
})

test('colours are for terminals alone, unless they are forced', async () => {
  const file = fileOf(makeReport())
  expect((await spawned(['show', file])).out).not.toContain('\u001b')
  expect((await spawned(['show', file], { env: { FORCE_COLOR: '1' } })).out).toContain('\u001b[31m')
  expect((await spawned(['show', file], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).out).not.toContain(
    '\u001b',
  )
})

test.each([['show', '--last', '1'], ['stats'], ['show', '--id', '6f1c']])(
  'a file that is larger than the memory goes through %s',
  async (...command) => {
    const process = new Spawned([...command, '-', '--json'], { NODE_OPTIONS: '--max-old-space-size=32' })
    const line = linesOf(makeReport({ request: { headers: { padding: 'x'.repeat(60_000) } } }))
    const chunk = line.repeat(16)
    for (let bytes = 0; bytes < 96 * 1024 * 1024; bytes += chunk.length) {
      if (!process.child.stdin.write(chunk)) await once(process.child.stdin, 'drain')
    }
    process.child.stdin.end()
    expect([await process.ended, process.err]).toEqual([0, ''])
  },
)

test('a line without end takes no endless memory, and those behind it are read', async () => {
  const process = new Spawned(['show', '-', '--json'], { NODE_OPTIONS: '--max-old-space-size=32' })
  const chunk = 'x'.repeat(1024 * 1024)
  for (let count = 0; count < 40; count++) {
    if (!process.child.stdin.write(chunk)) await once(process.child.stdin, 'drain')
  }
  process.child.stdin.end(`\n${linesOf(makeReport())}`)
  expect(await process.ended).toBe(3)
  expect(process.err).toBe('<stdin>:1: line is longer than 16777216 bytes\n')
  expect(JSON.parse(process.out)).toHaveLength(1)
})
