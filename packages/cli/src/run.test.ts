import { expect, test } from 'vitest'
import { curfew, fileOf, makeReport } from '../test/support.ts'

const COMMANDS = ['show', 'tail', 'stats', 'replay', 'curl']

test('help says what there is, with examples and exit codes, and is no mistake', async () => {
  const { code, out, err } = await curfew(['--help'])
  expect([code, err]).toEqual([0, ''])
  for (const command of COMMANDS) {
    expect(out).toContain(`\n  ${command} [options] <file>`)
    const help = await curfew([command, '--help'])
    expect(help).toMatchObject({ code: 0, err: '' })
    expect(help.out).toContain(`Examples:\n  $ curfew ${command} `)
    expect(help.out).toContain('--json')
  }
  expect(out).toContain('Exit codes:')
})

test('--version says the version of the package', async () => {
  expect(await curfew(['--version'])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  })
})

test.each([
  [[]],
  [['nonsense']],
  [['show']],
  [['show', 'a', 'b']],
  [['show', 'a', '--nonsense']],
  [['show', 'a', '--last', '0']],
  [['show', 'a', '--last', '1e9']],
  [['show', 'a', '--id', '']],
  [['show', 'a', '--kind', 'toString']],
  [['tail', 'a', '-n', '-1']],
  [['stats', 'a', '--top', 'x']],
  [['replay', 'a', '--id', 'x']],
  [['replay', 'a', '--to', 'http://127.0.0.1']],
  [['curl', 'a']],
])('%j is exit code 2, and says so on stderr alone', async (argv) => {
  const { code, out, err } = await curfew(argv)
  expect([code, out]).toEqual([2, ''])
  expect(err).not.toBe('')
})

test('what is said of an argument is harmless in a terminal', async () => {
  const { err } = await curfew(['show', 'a', '--\u001b[2J\u202e'])
  expect(err).toMatch(/^[\x20-\x7e\n]*$/)
})

test('--json and --no-color may stand anywhere', async () => {
  const file = fileOf(makeReport())
  for (const argv of [
    ['--json', 'show', file],
    ['show', '--json', file],
    ['show', file, '--json'],
  ]) {
    expect((await curfew(argv)).out).toMatch(/^\[/)
  }
  const env = { FORCE_COLOR: '1' }
  expect((await curfew(['show', file], { env })).out).toContain('\u001b[')
  for (const argv of [
    ['--no-color', 'show', file],
    ['show', file, '--no-color'],
  ]) {
    expect((await curfew(argv, { env })).out).not.toContain('\u001b')
  }
  expect((await curfew(['show', file, '--json'], { env })).out).not.toContain('\u001b')
})

test('an output that cannot be written is exit code 74, and one that nobody reads is none', async () => {
  const failing = (code: string) => ({
    stdout: {
      isTTY: false,
      columns: undefined,
      write: () => Promise.reject(Object.assign(new Error(`${code}: no`), { code, syscall: 'write' })),
    },
  })
  for (const argv of [['show', fileOf(makeReport())], ['stats', fileOf()], ['--help']]) {
    expect(await curfew(argv, failing('ENOSPC'))).toMatchObject({
      code: 74,
      err: 'Cannot write: ENOSPC: no\n',
    })
    expect(await curfew(argv, failing('EPIPE'))).toMatchObject({ code: 0, err: '' })
  }
})
