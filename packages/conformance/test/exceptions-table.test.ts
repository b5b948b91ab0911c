import { expect, test } from 'vitest'
import { exceptionsTable } from '../src/exceptions-table.ts'

test('each case that a runtime does not pass has a row, and each reason stands once below', () => {
  const [whole, reset] = [
    'a large response is whole',
    'the same by RST_STREAM after a POST whose body was read',
  ]
  const table = exceptionsTable({
    Everything: { protocols: ['http/1.1', 'h2'], exceptions: {} },
    Here: { protocols: ['http/1.1'], exceptions: { [whole]: 'It cannot' } },
    There: { protocols: ['h2'], exceptions: { [whole]: 'It cannot', [reset]: 'Nobody asked' } },
  })
  expect(table.split('\n')).toEqual([
    '|  | Everything | Here | There |',
    '| --- | :-: | :-: | :-: |',
    `| ${whole} | yes | no <sup>1</sup> | no <sup>1</sup> |`,
    `| ${reset} | yes | n/a | no <sup>2</sup> |`,
    '',
    '1. It cannot.',
    '2. Nobody asked.',
  ])
})
