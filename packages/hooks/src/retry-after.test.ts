import { expect, test } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

const now = Date.UTC(2026, 2, 14, 9, 26, 53)

test.each([
  ['0', 0],
  ['120', 120_000],
  [' 7 ', 7_000],
  ['Sat, 14 Mar 2026 09:27:53 GMT', 60_000],
  ['Saturday, 14-Mar-26 09:27:53 GMT', 60_000],
  ['Sat, 14 Mar 2026 09:00:00 GMT', 0],
  ['9'.repeat(400), Infinity],
])('%s asks for %d ms', (header, ms) => {
  expect(retryAfterMs(header, now)).toBe(ms)
})

test.each([
  null,
  '',
  'soon',
  '-5',
  '1.5',
  '1e3',
  '0x10',
  '5 seconds',
  '2027-01-01',
  'Sat, 99 Mar 2026 09:27:53 GMT',
])('%s asks for nothing', (header) => {
  expect(retryAfterMs(header, now)).toBe(undefined)
})
