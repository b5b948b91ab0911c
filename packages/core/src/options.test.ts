import { describe, expect, test } from 'vitest'
import { thrownBy } from '../test/support.ts'
import { type GuardOptions, guard, InvalidOptionError } from './index.ts'
import { optionNames, parseOptions } from './options.ts'

const handler = () => new Response()

/** Name and message of the option that is complained about. */
async function refused(options: Record<string, unknown>): Promise<string> {
  const error = await thrownBy(() => guard(handler, options as GuardOptions))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toBeInstanceOf(TypeError)
  expect(error).toMatchObject({ name: 'InvalidOptionError', code: 'INVALID_OPTION' })
  const { option, message } = error as InvalidOptionError
  expect(message).toContain(option)
  return `${option}: ${message.slice(message.indexOf('got ') + 4)}`
}

const used = new Response('used')
const noClock = { now: () => 0, setTimeout: () => 0 }
const duration = [Number.NaN, 0, -0, -1, Number.NEGATIVE_INFINITY, '5', null, true, {}, [5], 5n, () => 5]
const count = [Number.NaN, 0, -1, 1.5, Number.NEGATIVE_INFINITY, '5', null, true]
const flag = [1, 0, 'true', null, {}]
const hook = ['function', null, 1, {}, true]
const reply = [1, true, null, Symbol('nope'), used]

const bad: [option: keyof GuardOptions, values: unknown[]][] = [
  ['timeoutMs', duration],
  ['streamIdleMs', duration],
  ['streamTotalMs', duration],
  ['timeoutStatus', [399, 600, 200, 503.5, '503', null, Number.NaN, Number.POSITIVE_INFINITY]],
  ['timeoutResponse', reply],
  ['failureResponse', reply],
  ['rejectionResponse', reply],
  ['exposeErrors', flag],
  ['serverTiming', flag],
  ['rethrow', flag],
  ['buffer', flag],
  ['maxBytes', count],
  ['overflow', ['drop', '', true, null]],
  ['watch', ['never', '', true, null]],
  ['inbound', [...hook, [], ['x-timeout-ms'], ['grpc-timeout', 'Grpc-Timeout']]],
  ['malformedInbound', ['400', true, null]],
  ['receivedAt', ['', 'x request', null, 1, {}, true]],
  ['outbound', ['grpc-timeout', true, null, [], () => {}]],
  ['maxConcurrent', count],
  ['maxAbandoned', count],
  ['retryAfterSeconds', [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null]],
  ['shutdown', [new AbortController(), {}, true, null]],
  ['onOutcome', hook],
  ['onShedding', hook],
  ['onLateSettlement', hook],
  ['reporter', [{}, { start() {} }, null, true, 'reporter', () => {}]],
  ['waitUntil', hook],
  ['clock', [{}, noClock, null, 'clock']],
]

describe('a guard is not made', () => {
  test('for an option that is unknown, and the option is named', async () => {
    expect(await refused({ timeout: 5 })).toBe('timeout: 5')
    expect(await refused({ timeoutMs: 5, onTimeout: 'x' })).toBe('onTimeout: "x"')
  })

  test('and the names that it knows are told', async () => {
    const error = await thrownBy(() => guard(handler, { timeout: 5 } as GuardOptions))
    for (const name of optionNames) expect((error as Error).message).toContain(name)
  })

  test.each(bad)('for a bad %s, and option and value are named', async (option, values) => {
    if (!used.bodyUsed) await used.text()
    for (const value of values) {
      const complaint = await refused({ [option]: value })
      expect(complaint.startsWith(`${option}: `)).toBe(true)
      if (typeof value === 'number') expect(complaint).toBe(`${option}: ${value}`)
      if (typeof value === 'string') expect(complaint).toBe(`${option}: "${value}"`)
    }
  })

  test.each([
    ['null', null],
    ['a number', 5],
    ['a string', 'options'],
    ['an array', []],
    ['a function', () => {}],
  ])('for options that are %s', async (_, options) => {
    const error = await thrownBy(() => guard(handler, options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ option: 'options', message: expect.stringContaining('an object') })
  })

  test('and the bad option is named among good ones', async () => {
    expect(await refused({ timeoutMs: 5, buffer: true, maxBytes: -5, watch: 'lazy' })).toBe('maxBytes: -5')
  })
})

describe('a guard is made', () => {
  test('with no options at all', () => {
    expect(() => guard(handler)).not.toThrow()
    expect(() => guard(handler, {})).not.toThrow()
  })

  test('with options that are undefined, as with none', () => {
    const undefineds = Object.fromEntries(optionNames.map((name) => [name, undefined])) as GuardOptions
    const { given, timeoutMs, maxBytes, clock } = parseOptions(undefineds)
    expect(given).toEqual({})
    expect([timeoutMs, maxBytes]).toEqual([30_000, 1024 * 1024])
    expect(clock).toBe(parseOptions().clock)
  })

  test.each<GuardOptions>([
    { timeoutMs: false, streamIdleMs: false, streamTotalMs: false },
    { timeoutMs: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
    { timeoutMs: 0.5, streamIdleMs: 2 ** 40 },
    { timeoutStatus: 400 },
    { timeoutStatus: 599, retryAfterSeconds: 0 },
    { timeoutResponse: '', failureResponse: {}, rejectionResponse: new Response() },
    { timeoutResponse: () => 'x' },
    { maxConcurrent: 1, maxAbandoned: Number.POSITIVE_INFINITY },
    { shutdown: new AbortController().signal },
    { shutdown: AbortSignal.abort() },
    { shutdown: Object.assign(new EventTarget(), { aborted: false }) as AbortSignal },
    { overflow: 'stream', watch: 'eager', buffer: true, exposeErrors: true, rethrow: true },
  ])('with %j', (options) => {
    expect(() => guard(handler, options)).not.toThrow()
  })

  test('with a frozen object, which is not changed', () => {
    const options = Object.freeze({ timeoutMs: 5 })
    expect(parseOptions(options).timeoutMs).toBe(5)
    expect(options).toEqual({ timeoutMs: 5 })
  })

  test('and its options cannot be changed afterwards', () => {
    const options: GuardOptions = { timeoutMs: 5 }
    const policy = parseOptions(options)
    options.timeoutMs = 500
    expect(policy.timeoutMs).toBe(5)
  })

  test('with counters of its own', () => {
    const one = guard(handler)
    const other = guard(handler)
    expect(one.stats).not.toBe(other.stats)
  })
})

test('optionNames names every option', () => {
  expect([...optionNames].sort()).toEqual([...new Set(bad.map(([name]) => name))].sort())
})
