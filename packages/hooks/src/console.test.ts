import { InvalidOptionError } from '@curfew/core'
import { parseReport, type Report } from '@curfew/core/report'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ACTING } from '../test/acting.ts'
import { all, failed } from '../test/reports.ts'
import { type ConsoleHookOptions, consoleHook } from './console.ts'
import { pretty } from './pretty.ts'

beforeEach(() => {
  vi.stubEnv('NO_COLOR', undefined)
  onTerminal(false)
})

afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

function onTerminal(isTTY: boolean): void {
  vi.stubGlobal('process', { stderr: { isTTY }, env: process.env })
}

function fired(options?: ConsoleHookOptions, report: Report = failed): string {
  const lines: string[] = []
  const { name, fire } = consoleHook({ write: (line) => lines.push(line), ...options })
  expect(name).toBe('console')
  fire!(report, { signal: new AbortController().signal, thrown: undefined })
  expect(lines).toHaveLength(1)
  return lines[0]!
}

test('on a terminal it is a block for people, in colour', () => {
  onTerminal(true)
  expect(fired()).toBe(pretty(failed, { color: true }))
})

test.each(all.map((report) => [report.id, report] as const))(
  'elsewhere it is one line of JSON: %s',
  (_, report) => {
    const line = fired({}, report)
    expect(line).not.toMatch(ACTING)
    expect(parseReport(JSON.parse(line))).toEqual(report)
  },
)

test('the format may be said', () => {
  expect(fired({ format: 'pretty' })).toBe(pretty(failed))
  onTerminal(true)
  expect(JSON.parse(fired({ format: 'json' }))).toEqual(failed)
})

test('so may the colour', () => {
  expect(fired({ format: 'pretty', color: true })).toBe(pretty(failed, { color: true }))
  onTerminal(true)
  expect(fired({ color: false })).toBe(pretty(failed))
})

test('NO_COLOR is heeded, unless it is empty', () => {
  onTerminal(true)
  vi.stubEnv('NO_COLOR', '1')
  expect(fired()).toBe(pretty(failed))
  expect(fired({ color: true })).toBe(pretty(failed, { color: true }))
  vi.stubEnv('NO_COLOR', '')
  expect(fired()).toBe(pretty(failed, { color: true }))
})

test('Deno is not asked for its environment', () => {
  const env = new Proxy({}, { get: () => expect.fail('Deno asks its user for leave') })
  vi.stubGlobal('process', { stderr: { isTTY: true }, env })
  vi.stubGlobal('Deno', { noColor: true })
  expect(fired()).toBe(pretty(failed))
  vi.stubGlobal('Deno', { noColor: false })
  expect(fired()).toBe(pretty(failed, { color: true }))
})

test.each([
  ['has no process', undefined],
  ['has an empty one', {}],
  [
    'throws at a look',
    {
      get stderr() {
        throw new Error('not implemented')
      },
      get env() {
        throw new Error('not implemented')
      },
    },
  ],
])('a runtime that %s gets a line of JSON', (_, process) => {
  vi.stubGlobal('process', process)
  expect(JSON.parse(fired())).toEqual(failed)
  expect(fired({ format: 'pretty' })).toBe(pretty(failed))
})

test('by default it goes to console.error, as one text with nothing to be formatted', () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  const report = { ...failed, id: '%s %o %c' }
  consoleHook().fire!(report, { signal: new AbortController().signal, thrown: undefined })
  expect(error.mock.calls).toEqual([[JSON.stringify(report)]])
})

test('what a writer throws, or promises, is handed on', async () => {
  const context = { signal: new AbortController().signal, thrown: undefined }
  const throws = () => {
    throw new Error('pipe closed')
  }
  expect(() => consoleHook({ write: throws }).fire!(failed, context)).toThrow('pipe closed')
  const rejects = () => Promise.reject(new Error('pipe closed'))
  await expect(consoleHook({ write: rejects }).fire!(failed, context)).rejects.toThrow('pipe closed')
})

test.each([
  ['format', { format: 'xml' }],
  ['write', { write: console }],
  ['color', { color: 'auto' }],
  ['level', { level: 'info' }],
])('a bad %s is refused', (option, options) => {
  expect(() => consoleHook(options as never)).toThrow(InvalidOptionError)
  expect(() => consoleHook(options as never)).toThrow(option)
})
