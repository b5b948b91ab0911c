import { expect, test } from 'vitest'
import { byteCount, duration } from './amounts.ts'

test.each([
  [0, '0 ms'],
  [0.4, '0.4 ms'],
  [12.75, '12.8 ms'],
  [132.4, '132 ms'],
  [999.7, '1 s'],
  [1_000, '1 s'],
  [5_012.7, '5.01 s'],
  [86_400_000, '86400 s'],
])('%d ms reads %s', (ms, shown) => {
  expect(duration(ms)).toBe(shown)
})

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [2_048, '2048 bytes'],
])('%d bytes read %s', (count, shown) => {
  expect(byteCount(count)).toBe(shown)
})
