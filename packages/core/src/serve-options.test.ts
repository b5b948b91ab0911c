import { expect, test } from 'vitest'
import { get } from '../test/support.ts'
import { guardWhenTold, splitOptions } from './serve-options.ts'

interface Own {
  port?: number
}

test("a server's own options are told from those of its guard", () => {
  expect(splitOptions<Own>({ port: 0, timeoutMs: 5 }, ['port'])).toEqual({
    own: { port: 0 },
    guardOptions: { timeoutMs: 5 },
  })
})

test('an option that is neither is refused by name, with its value', () => {
  const options = { timeoutMS: 5 } as Own
  expect(() => splitOptions(options, ['port'])).toThrow(
    /^Invalid option timeoutMS: expected one of port, timeoutMs, .*, got 5$/,
  )
})

test.each([undefined, null, 3000])('options that are %j are refused', (options) => {
  expect(() => splitOptions(options as never, [])).toThrow(/^Invalid option options: expected an object/)
})

test('a handler is guarded when there is anything that its guard is told', () => {
  const handler = () => new Response()
  expect(guardWhenTold(handler, {})).toBe(handler)
  expect(guardWhenTold(handler, { timeoutMs: undefined as never })).toBe(handler)
  const guarded = guardWhenTold(handler, { timeoutMs: 5 })
  expect(guarded).not.toBe(handler)
  expect(guarded(get())).toBeInstanceOf(Response)
})
