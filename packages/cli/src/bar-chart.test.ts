import { expect, test } from 'vitest'
import { barChart } from './bar-chart.ts'
import { displayWidth, fitWidth } from './display-width.ts'
import type { Io } from './io.ts'
import { terminalOf } from './terminal.ts'

function terminal(columns: number, env: Io['env'] = { LANG: 'C.UTF-8' }, isTTY = false) {
  return terminalOf({ stdout: { isTTY, columns }, env, platform: 'linux' } as Io, true)
}

test('the longest bar reaches the end of the line, others as far as their share', () => {
  const lines = barChart(
    [
      { label: 'a', count: 8 },
      { label: 'bb', count: 4 },
    ],
    8,
    terminal(40),
  )
  expect(lines.map((line) => line.trimEnd())).toEqual([
    `  a   8  ${'█'.repeat(31)}`,
    `  bb  4  ${'█'.repeat(15)}▌`,
  ])
  expect(displayWidth(lines[0]!)).toBe(40)
})

test('what was counted is seen, however little it is', () => {
  expect(barChart([{ label: 'a', count: 1 }], 1_000_000, terminal(40))[0]).toContain('▏')
  expect(barChart([{ label: 'a', count: 1 }], 1_000_000, terminal(40, {}))[0]).toContain('#')
  expect(barChart([{ label: 'a', count: 0 }], 0, terminal(40, {}))[0]).not.toContain('#')
})

test('a terminal that has no UTF-8 gets ASCII', () => {
  const chart = barChart(
    [{ label: 'x'.repeat(60), count: 3, notes: ['y'.repeat(60)] }],
    3,
    terminal(40, { LANG: 'C' }),
  )
  expect(chart.join('')).toMatch(/^[ -~]*$/)
  expect(chart.join('\n')).toContain('...')
})

test.each([
  [{}, 'linux', false],
  [{}, 'win32', true],
  [{ LANG: 'de_DE.UTF-8' }, 'linux', true],
  [{ LANG: 'de_DE.utf8' }, 'linux', true],
  [{ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, 'linux', false],
  [{ LANG: 'C', LC_CTYPE: 'C.UTF-8' }, 'linux', true],
])('with %j on %s UTF-8 is %s', (env, platform, unicode) => {
  expect(terminalOf({ stdout: { isTTY: true, columns: 80 }, env, platform } as Io, true).unicode).toBe(
    unicode,
  )
})

test.each([
  [true, {}, true, true],
  [false, {}, true, false],
  [true, {}, false, false],
  [true, { NO_COLOR: '1' }, true, false],
  [true, { NO_COLOR: '' }, true, true],
  [true, { TERM: 'dumb' }, true, false],
  [false, { FORCE_COLOR: '1' }, true, true],
  [true, { FORCE_COLOR: '0' }, true, false],
  [false, { FORCE_COLOR: '1' }, false, false],
])('on a terminal (%s) with %j and colours allowed (%s), colours are %s', (isTTY, env, allowed, colored) => {
  const { colors } = terminalOf({ stdout: { isTTY, columns: 80 }, env, platform: 'linux' } as Io, allowed)
  expect(colors.red('x') !== 'x').toBe(colored)
})

test('wide characters and marks take the columns that they take', () => {
  expect(['abc', '東京', 'e\u0301', '👍', 'ａ'].map(displayWidth)).toEqual([3, 4, 1, 2, 2])
  expect(fitWidth('東京都', 5, '…')).toBe('東京…')
  expect(fitWidth('東京都', 4, '…')).toBe('東… ')
})
