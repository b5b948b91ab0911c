import { describe, expect, test } from 'vitest'
import { thrownBy } from '../../test/support.ts'
import { InvalidOptionError, systemClock } from '../index.ts'
import { type Hook, type ReporterOptions, reporter } from '../report.ts'
import { parseReporterOptions } from './reporter-options.ts'

/** Name and value of the option that is complained about. */
async function refused(options: Record<string, unknown>): Promise<string> {
  const error = await thrownBy(() => reporter({ hooks: [], ...options } as never))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toMatchObject({ name: 'InvalidOptionError', code: 'INVALID_OPTION' })
  const { option, message } = error as InvalidOptionError
  expect(message).toContain(`Invalid option ${option}: expected `)
  return `${option}: ${message.slice(message.indexOf('got ') + 4)}`
}

const duration = [Number.NaN, 0, -0, -1, Number.NEGATIVE_INFINITY, '5', null, true, {}, [5], 5n, () => 5]
const count = [Number.NaN, 0, -1, 1.5, Number.NEGATIVE_INFINITY, '5', null, true]
const text = [5, null, true, {}, Symbol('nope')]
const callback = ['function', null, 1, {}, true]
const names = ['x-own', null, 5, false, {}, [5], ['fine', 5]]

const bad: [option: string, values: unknown[]][] = [
  ['hooks', [undefined, null, 'console', {}, () => {}, 5]],
  ['on', [null, 'failed', 5, {}, true]],
  ['service', text],
  ['version', text],
  ['instance', text],
  ['region', text],
  ['redact', [null, true, 'all', 5, [], () => {}]],
  ['bodyBytes', [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, false]],
  ['requestId', callback],
  ['formatTime', callback],
  ['dedupeMs', duration],
  ['maxPerMinute', [...count, false]],
  ['maxQueued', [...count, false]],
  ['hookTimeoutMs', duration],
  ['clock', [{}, { now: () => 0 }, null, 'clock']],
]

const nested: [option: string, make: (value: unknown) => object, values: unknown[]][] = [
  [
    'hooks.1',
    (value) => ({ hooks: [() => {}, value] }),
    [
      null,
      undefined,
      5,
      'console',
      {},
      { fire() {} },
      { name: 'x' },
      { name: 5, fire() {} },
      { name: 'x', fire: 5 },
      [],
    ],
  ],
  ['on.1', (value) => ({ on: ['late', value] }), ['timeout', '', null, 5, ['late']]],
  ['redact.allow', (allow) => ({ redact: { allow } }), [null, true, [], ['x-own'], 5]],
  ['redact.allow.headers', (headers) => ({ redact: { allow: { headers } } }), names],
  ['redact.allow.query', (query) => ({ redact: { allow: { query } } }), names],
  ['redact.allow.cookies', (cookies) => ({ redact: { allow: { cookies } } }), names],
  ['redact.allow.body', (body) => ({ redact: { allow: { body } } }), names],
  ['redact.allow.error', (error) => ({ redact: { allow: { error } } }), names],
  ['redact.deny', (deny) => ({ redact: { deny } }), ['x-own', null, 5, {}, true]],
  ['redact.deny.1', (name) => ({ redact: { deny: ['fine', name] } }), [null, 5, {}, ['x-own']]],
  ['redact.replace', (replace) => ({ redact: { replace } }), callback],
]

describe('a reporter is not made', () => {
  test('for an option that is unknown, and the option is named', async () => {
    expect(await refused({ hook: 5 })).toBe('hook: 5')
    expect(await refused({ redact: { alow: 5 } })).toBe('redact.alow: 5')
    expect(await refused({ redact: { allow: { header: 'x' } } })).toBe('redact.allow.header: "x"')
  })

  test('and the names that it knows are told', async () => {
    const error = await thrownBy(() => reporter({ hooks: [], hook: [] } as never))
    for (const [name] of bad) expect((error as Error).message).toContain(name)
  })

  test.each(bad)('for a bad %s, and option and value are named', async (option, values) => {
    for (const value of values) {
      const complaint = await refused({ [option]: value })
      expect(complaint.startsWith(`${option}: `)).toBe(true)
      if (typeof value === 'number') expect(complaint).toBe(`${option}: ${value}`)
      if (typeof value === 'string') expect(complaint).toBe(`${option}: "${value}"`)
    }
  })

  test.each(nested)('for a bad %s, which is named with its place', async (option, make, values) => {
    for (const value of values) {
      const complaint = await refused(make(value) as Record<string, unknown>)
      expect(complaint.startsWith(`${option}: `)).toBe(true)
    }
  })

  test.each([
    ['missing', undefined],
    ['null', null],
    ['a number', 5],
    ['an array of hooks', [() => {}]],
    ['a hook', () => {}],
  ])('for options that are %s', async (_, options) => {
    const error = await thrownBy(() => reporter(options as never))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ option: 'options' })
  })

  test('for options that are only inherited', async () => {
    expect(await thrownBy(() => reporter(Object.create({ hooks: [] })))).toMatchObject({ option: 'hooks' })
  })
})

describe('a reporter is made', () => {
  const hook: Hook = { name: 'none', flush() {} }

  test.each<ReporterOptions>([
    { hooks: [] },
    {
      hooks: [
        hook,
        () => {},
        async () => {},
        { name: '', fire() {} },
        { name: 'o', observe: () => undefined },
      ],
    },
    { hooks: [], on: [] },
    { hooks: [], on: ['failed', 'timed-out', 'abandoned', 'late', 'late'] },
    { hooks: [], service: '', version: '1', instance: 'a', region: 'b' },
    { hooks: [], redact: {} },
    { hooks: [], redact: { allow: {}, deny: [] } },
    { hooks: [], redact: { allow: { headers: true, query: ['a'], cookies: [], body: true, error: ['b'] } } },
    { hooks: [], redact: { deny: ['a'], replace: (text) => text } },
    { hooks: [], bodyBytes: 0 },
    { hooks: [], dedupeMs: false, hookTimeoutMs: false },
    { hooks: [], dedupeMs: 0.5, hookTimeoutMs: 2 ** 40 },
    { hooks: [], dedupeMs: Number.POSITIVE_INFINITY, maxPerMinute: Number.POSITIVE_INFINITY },
    { hooks: [], maxQueued: 1 },
    { hooks: [], clock: systemClock },
  ])('with %j', (options) => {
    expect(() => reporter(options)).not.toThrow()
  })

  test('with options that are undefined, as with none', () => {
    const undefineds = Object.fromEntries(bad.map(([name]) => [name, undefined]))
    const inside = { allow: { headers: undefined, body: undefined }, deny: undefined, replace: undefined }
    const { redact, ...policy } = parseReporterOptions({ ...undefineds, hooks: [], redact: inside } as never)
    const { redact: none, ...defaults } = parseReporterOptions({ hooks: [] })
    expect(policy).toEqual(defaults)
    expect(none).toEqual({})
    expect(policy).toMatchObject({
      on: new Set(['failed']),
      where: {},
      bodyBytes: 16_384,
      dedupeMs: 60_000,
      maxPerMinute: 60,
      maxQueued: 1_000,
      hookTimeoutMs: 10_000,
      clock: systemClock,
    })
    expect(redact).toEqual({ allow: {} })
  })

  test('and its options cannot be changed afterwards', () => {
    const hooks = [hook]
    const on: ReporterOptions['on'] & unknown[] = ['late']
    const headers = ['x-own']
    const allow: { headers: string[] | true; body?: true } = { headers }
    const deny = ['x-other']
    const policy = parseReporterOptions({ hooks, on, redact: { allow, deny } })
    hooks.push(hook)
    on.push('failed')
    headers.push('authorization')
    allow.headers = true
    allow.body = true
    deny.pop()
    expect(policy.hooks).toEqual([{ name: 'none', hook }])
    expect(policy.on).toEqual(new Set(['late']))
    expect(policy.redact).toEqual({ allow: { headers: ['x-own'] }, deny: ['x-other'] })
  })

  test('with frozen options, which are not changed', () => {
    const options = Object.freeze({
      hooks: Object.freeze([hook]),
      redact: Object.freeze({ deny: Object.freeze(['a']) }),
    })
    expect(() => reporter(options)).not.toThrow()
  })

  test('with numbers of its own', () => {
    const [one, other] = [reporter({ hooks: [hook] }), reporter({ hooks: [hook] })]
    expect(one.stats).toEqual(other.stats)
    expect(one.stats).toEqual({
      reported: 0,
      repeated: 0,
      limited: 0,
      dropped: 0,
      failed: 0,
      pending: 0,
      hooks: { none: { delivered: 0, failed: 0, dropped: 0, pending: 0 } },
    })
  })
})
