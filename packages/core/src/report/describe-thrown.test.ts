import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { oddities } from '../../test/support.ts'
import { describeThrown } from './describe-thrown.ts'
import type { ReportedError } from './report.ts'

/** Of another realm, where nothing is an instance of what this one has. */
function elsewhere(code: string): unknown {
  return runInContext(code, createContext({}))
}

function fieldsOf(fields: object): unknown {
  return describeThrown(Object.defineProperties(new Error('boom'), Object.getOwnPropertyDescriptors(fields)))
    .fields
}

/** Error after error, each the cause of the one before. */
function chain(length: number): Error {
  return Array.from({ length }).reduce<Error>(
    (cause, _, index) => new Error(`number ${index}`, { cause }),
    new Error(),
  )
}

function causes(error: ReportedError): ReportedError[] {
  return error.cause ? [error, ...causes(error.cause)] : [error]
}

describe('an error', () => {
  test('is told by its name, message and stack', () => {
    const error = new RangeError('out of it')
    expect(describeThrown(error)).toEqual({ name: 'RangeError', message: 'out of it', stack: error.stack })
  })

  test('is told with what it has of its own, at any depth', () => {
    const own = { code: 'E_BOOM', status: 503, retry: false, none: null, deep: { list: [1, { a: 'b' }] } }
    expect(fieldsOf(own)).toEqual(own)
  })

  test('has what it inherits, hides or knows by a symbol for itself', () => {
    class Inherited extends Error {
      get secret(): string {
        return 'inherited'
      }
    }
    const error = Object.defineProperty(new Inherited('boom'), 'hidden', { value: 1, enumerable: false })
    expect(describeThrown(Object.assign(error, { [Symbol('s')]: 1 })).fields).toBeUndefined()
  })

  test('is told with its causes', () => {
    const error = new Error('outer', { cause: new TypeError('inner', { cause: 'because' }) })
    expect(describeThrown(error)).toMatchObject({
      message: 'outer',
      cause: { name: 'TypeError', message: 'inner', cause: { name: 'string', message: 'because' } },
    })
  })

  test.each([[null], [0], [''], [false]])('may be caused by %j', (cause) => {
    expect(describeThrown(new Error('boom', { cause })).cause).toMatchObject({ message: String(cause) })
  })

  test('that has a cause of `undefined` has none', () => {
    expect(describeThrown(new Error('boom', { cause: undefined }))).not.toHaveProperty('cause')
  })

  test('is told with its members', () => {
    const error = new AggregateError(
      [new Error('one'), 'two', new AggregateError([new Error('three')])],
      'all',
    )
    expect(describeThrown(error)).toMatchObject({
      name: 'AggregateError',
      message: 'all',
      errors: [{ message: 'one' }, { name: 'string', message: 'two' }, { errors: [{ message: 'three' }] }],
    })
  })

  test('may have `errors` that are no list', () => {
    const error = Object.assign(new Error('invalid'), { errors: { email: new Error('no such address') } })
    expect(describeThrown(error)).toMatchObject({
      fields: { errors: { email: { message: 'no such address' } } },
    })
    expect(describeThrown(error)).not.toHaveProperty('errors')
  })

  test('that is a field of another is told as an error', () => {
    expect(fieldsOf({ reason: new TypeError('deep') })).toMatchObject({
      reason: { name: 'TypeError', message: 'deep', stack: expect.any(String) },
    })
  })

  test('may have a name and a message that are no text', () => {
    const error = Object.assign(new Error(), { name: 7, message: { no: 'text' }, stack: null })
    expect(describeThrown(error)).toEqual({ name: 'Error', message: '' })
  })

  test('may be of another realm', () => {
    expect(
      describeThrown(
        elsewhere(`Object.assign(new RangeError('far', { cause: new Error('farther') }), { code: 'X' })`),
      ),
    ).toMatchObject({
      name: 'RangeError',
      message: 'far',
      fields: { code: 'X' },
      cause: { message: 'farther' },
    })
  })

  test('is told without where it was made, which its stack tells as well', () => {
    const where = { line: 1, column: 2, sourceURL: 'a.js' }
    expect(describeThrown(Object.assign(new Error('a'), where))).not.toHaveProperty('fields')
    expect(describeThrown(Object.assign(new Error('a'), where, { code: 'E_A' })).fields).toEqual({
      code: 'E_A',
    })
    const unexpected = { name: 'a', message: 'Unexpected token', stack: 'a', line: 1, column: 2 }
    expect(describeThrown(unexpected).fields).toEqual({ line: 1, column: 2 })
  })

  test('may only look like one', () => {
    expect(describeThrown({ name: 'Odd', message: 'looks like one', stack: 'Odd: …\n  at x', a: 1 })).toEqual(
      {
        name: 'Odd',
        message: 'looks like one',
        stack: 'Odd: …\n  at x',
        fields: { a: 1 },
      },
    )
  })

  test('may be a DOMException', () => {
    const { reason } = AbortSignal.abort()
    const described = describeThrown(reason)
    expect(described).toMatchObject({ name: 'AbortError', message: reason.message })
    expect(described).not.toHaveProperty('fields')
    expect(
      describeThrown(AbortSignal.timeout(0).reason ?? new DOMException('late', 'TimeoutError')),
    ).toMatchObject({
      name: 'TimeoutError',
    })
  })

  test('tells itself by what it is, not by its toJSON()', () => {
    const toJSON = (): never => {
      throw new Error('toJSON was called')
    }
    expect(describeThrown(Object.assign(new Error('boom'), { toJSON }))).toMatchObject({
      message: 'boom',
      fields: { toJSON: '[function]' },
    })
  })
})

describe('what is no error', () => {
  test.each([
    [undefined, 'undefined', 'undefined'],
    [null, 'null', 'null'],
    ['boom', 'string', 'boom'],
    [0, 'number', '0'],
    [Number.NaN, 'number', 'NaN'],
    [10n, 'bigint', '10'],
    [true, 'boolean', 'true'],
    [Symbol('boom'), 'symbol', 'Symbol(boom)'],
    [function boom() {}, 'function', 'function boom'],
  ])('is named after its type: %s', (thrown, name, message) => {
    expect(describeThrown(thrown)).toEqual({ name, message })
  })

  test('is told as far as JSON can tell it', () => {
    class Failure {
      message = 'no error'
      code = 7
    }
    expect(describeThrown(new Failure())).toEqual({
      name: 'Failure',
      message: 'no error',
      value: { message: 'no error', code: 7 },
    })
    expect(describeThrown([1, [2]])).toEqual({ name: 'Array', message: '', value: [1, [2]] })
  })

  test('may be a response', () => {
    expect(describeThrown(new Response('secret', { status: 404, statusText: 'Not There' }))).toEqual({
      name: 'Response',
      message: '404 Not There',
    })
  })

  test('may have properties of any kind', () => {
    const cyclic: Record<string, unknown> = { deep: {} }
    cyclic.self = cyclic
    ;(cyclic.deep as Record<string, unknown>).up = cyclic
    expect(
      fieldsOf({
        date: new Date(0),
        noDate: new Date(Number.NaN),
        map: new Map<unknown, unknown>([
          ['a', 1],
          [{}, 2],
          [Symbol('s'), new Map([[1, 'one']])],
        ]),
        set: new Set(['a', new Set(['b'])]),
        bytes: new Uint8Array(5),
        view: new DataView(new ArrayBuffer(3)),
        buffer: Buffer.from('secret'),
        text: new String('boxed'),
        big: 10n,
        nan: Number.NaN,
        infinite: Number.NEGATIVE_INFINITY,
        holes: Object.assign([1], { 2: undefined, 3: 2 }),
        symbol: Symbol('s'),
        call: () => 1,
        nothing: undefined,
        bare: Object.assign(Object.create(null), { a: 1 }),
        cyclic,
        deep: [[[[[[[[[[[['too deep']]]]]]]]]]]],
        ['__proto__']: { polluted: true },
      }),
    ).toEqual({
      date: '1970-01-01T00:00:00.000Z',
      noDate: null,
      map: { a: 1, '[object]': 2, 'Symbol(s)': { 1: 'one' } },
      set: ['a', ['b']],
      bytes: '[Uint8Array, 5 bytes]',
      view: '[DataView, 3 bytes]',
      buffer: '[Uint8Array, 6 bytes]',
      text: 'boxed',
      big: '10',
      nan: 'NaN',
      infinite: '-Infinity',
      holes: [1, null, null, 2],
      symbol: '[symbol]',
      call: '[function]',
      bare: { a: 1 },
      cyclic: { self: '[circular]', deep: { up: '[circular]' } },
      deep: [[[[[[[[['[array]']]]]]]]]],
      ['__proto__']: { polluted: true },
    })
    expect(({} as { polluted?: true }).polluted).toBeUndefined()
  })

  test('may have properties of another realm', () => {
    const fields = elsewhere(
      `({ date: new Date(0), map: new Map([['a', 1]]), set: new Set([1]), list: [1], e: new Error('far') })`,
    )
    expect(fieldsOf(fields as object)).toMatchObject({
      date: '1970-01-01T00:00:00.000Z',
      map: { a: 1 },
      set: [1],
      list: [1],
      e: { name: 'Error', message: 'far' },
    })
  })
})

describe('what goes round in circles', () => {
  test('is cut where an error is its own cause', () => {
    const error = new Error('round')
    error.cause = new Error('and', { cause: error })
    expect(describeThrown(error).cause?.cause).toEqual({ name: 'circular', message: 'The cause of itself' })
  })

  test('is cut where an error is its own member, or its own field', () => {
    const error: AggregateError & { self?: unknown } = new AggregateError([], 'round')
    error.errors.push(error)
    error.self = [{ error }]
    expect(describeThrown(error)).toMatchObject({
      errors: [{ name: 'circular' }],
      fields: { self: [{ error: '[circular]' }] },
    })
  })

  test('is told twice where it only stands in two places', () => {
    const twice = { a: 1 }
    expect(fieldsOf({ one: twice, two: twice })).toEqual({ one: { a: 1 }, two: { a: 1 } })
  })
})

describe('what cannot be read', () => {
  const unreadable = (): never => {
    throw new Error('Getter was called')
  }

  test.each(oddities)('is told somehow: %s', (_, make) => {
    for (const thrown of [make(), new Error('outer', { cause: make() }), new AggregateError([make()])]) {
      expect(describeThrown(thrown)).toMatchObject({ name: expect.any(String), message: expect.any(String) })
    }
    expect(() => JSON.stringify(fieldsOf({ odd: make() }))).not.toThrow()
  })

  test('is left out, and the rest stays', () => {
    const fields = Object.defineProperty({ code: 'E' }, 'trap', { get: unreadable, enumerable: true })
    const error = new Error('boom')
    Object.defineProperties(error, Object.getOwnPropertyDescriptors(fields))
    Object.defineProperty(error, 'cause', { get: unreadable })
    expect(describeThrown(error)).toMatchObject({ message: 'boom', fields: { code: 'E' } })
  })

  test.each<[string, () => object]>([
    ['a revoked proxy', () => oddities.find(([name]) => name.startsWith('a proxy'))![1]() as object],
    ['a list whose length throws', () => new Proxy([], { get: unreadable })],
    ['keys that throw', () => new Proxy({}, { ownKeys: unreadable })],
    ['what only says that it is a map', () => ({ [Symbol.toStringTag]: 'Map' })],
    ['what only says that it is a date', () => ({ [Symbol.toStringTag]: 'Date' })],
    [
      'bytes without a length',
      () => Object.defineProperty(new Uint8Array(1), 'byteLength', { get: unreadable }),
    ],
  ])('costs nothing else its place: %s', (_, make) => {
    expect(fieldsOf({ code: 'E', odd: make(), after: 1 })).toMatchObject({ code: 'E', after: 1 })
    const error = Object.assign(new Error('boom'), { errors: make() })
    expect(describeThrown(error)).toMatchObject({ message: 'boom', stack: expect.any(String) })
  })
})

describe('what is too much', () => {
  /** What the whole of it comes to. */
  function size(thrown: unknown): number {
    const description = describeThrown(thrown)
    return JSON.stringify(description).length
  }

  const MAX = 210_000

  const enumerable = { value: 1, enumerable: true, configurable: true }

  test('is cut: messages, and stacks with them', () => {
    for (const message of [
      'x'.repeat(10_000_000),
      'word '.repeat(2_000_000),
      '\0'.repeat(1_000_000),
      '\ud800 '.repeat(500_000),
    ]) {
      const error = new Error(message)
      expect(size(error)).toBeLessThan(MAX)
      expect(describeThrown(error).message.endsWith('characters more)')).toBe(true)
    }
  })

  test('does not cost the stack its frames', () => {
    const { stack } = describeThrown(new Error('long '.repeat(10_000)))
    expect(stack).toMatch(/^Error: …\n +at .*describe-thrown\.test\.ts/)
  })

  test('leaves room for the causes', () => {
    const long = 'long '.repeat(10_000)
    const error = Object.assign(new Error(long, { cause: new Error('why') }), {
      a: long,
      b: long,
      c: long,
      code: 'E',
    })
    expect(describeThrown(error)).toMatchObject({
      fields: { code: 'E' },
      cause: { name: 'Error', message: 'why' },
    })
  })

  test('leaves room for what comes after an object without end', () => {
    const endless = (): object =>
      new Proxy(
        {},
        { get: endless, ownKeys: () => ['a', 'b', 'c'], getOwnPropertyDescriptor: () => enumerable },
      )
    expect(fieldsOf({ first: endless(), second: endless(), third: { a: 'b' }, code: 'E' })).toMatchObject({
      third: { a: 'b' },
      code: 'E',
    })
  })

  test('is cut: causes', () => {
    const told = causes(describeThrown(chain(100_000)))
    expect(told).toHaveLength(10)
    expect(told.at(-1)).toEqual({ name: 'unknown', message: 'Further causes are left out' })
  })

  test('is cut: errors in the fields of errors', () => {
    const error = Array.from({ length: 10_000 }).reduce<Error>(
      (inner) => Object.assign(new Error('outer'), { deep: { inner } }),
      new Error('innermost'),
    )
    expect(size(error)).toBeLessThan(MAX)
    expect(JSON.stringify(describeThrown(error)).match(/"outer"/g)!.length).toBeLessThan(10)
  })

  function members(depth: number): Error {
    return depth === 0
      ? new Error('leaf')
      : new AggregateError(Array.from({ length: 12 }, () => members(depth - 1)))
  }

  const wide = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`property ${index}`, { index }]),
  )

  test.each<[string, () => unknown]>([
    ['members of members', () => members(4)],
    [
      'properties',
      () => Object.assign(new Error('wide'), wide, { list: Object.values(wide), more: { wide } }),
    ],
    ['lists of lists', () => Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => ['x']))],
    [
      'long names',
      () => Object.fromEntries(Array.from({ length: 100 }, (_, index) => ['\0'.repeat(10_000) + index, 1])),
    ],
    ['long texts', () => Array.from({ length: 100 }, () => 'word '.repeat(10_000))],
    ['a long list', () => new Array(2 ** 32 - 1)],
    ['a long text in a box', () => new String('x'.repeat(10_000_000))],
    ['a large map', () => new Map(Array.from({ length: 100_000 }, (_, index) => [index, 'x'.repeat(100)]))],
    ['a set of sets', () => new Set(Array.from({ length: 1_000 }, () => new Set(['x'.repeat(1_000)])))],
    [
      'a long status',
      () =>
        Object.create(Response.prototype, { status: { value: 'x '.repeat(1e6) }, statusText: { value: '' } }),
    ],
    ['a long name', () => Object.assign(new Error(), { name: 'x '.repeat(1_000_000) })],
  ])('is cut: %s', (_, make) => {
    const thrown = make()
    expect(size(thrown)).toBeLessThan(MAX)
    expect(size(new Error('outer', { cause: thrown }))).toBeLessThan(MAX)
    expect(size(Object.assign(new Error('outer'), { thrown }))).toBeLessThan(MAX)
  })

  test('is not even looked at', () => {
    let reads = 0
    const handler = {
      get: () => reads++,
      ownKeys: () => Object.keys(wide),
      getOwnPropertyDescriptor: () => enumerable,
    }
    describeThrown(new Proxy({}, handler))
    expect(reads).toBeLessThan(100)
  })

  test('may go on for ever', () => {
    class Endless extends Map<string, string> {
      override *[Symbol.iterator](): MapIterator<[string, string]> {
        for (;;) yield ['again', 'and again']
      }
    }
    class EndlessList extends Array<string> {
      override *[Symbol.iterator](): ArrayIterator<string> {
        for (;;) yield 'again'
      }
    }
    const endless = (): object =>
      new Proxy(
        {},
        {
          get: (_, name) => (typeof name === 'string' ? endless() : undefined),
          ownKeys: () => ['again'],
          getOwnPropertyDescriptor: () => enumerable,
        },
      )
    expect(
      fieldsOf({ map: new Endless([['a', 'b']]), list: EndlessList.from(['a']), endless: endless() }),
    ).toMatchObject({
      map: { a: 'b' },
      list: ['a'],
    })
  })
})

test('whatever is thrown, it is told as JSON, in bounds', () => {
  const odd = fc.constantFrom(...oddities).map(([, make]) => make)
  const any = fc
    .anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    })
    .map((value) => () => value)
  const one = fc.oneof(any, odd)
  const error = fc
    .record({
      message: fc.string({ unit: 'binary' }),
      cause: one,
      errors: fc.array(one),
      fields: fc.dictionary(fc.string(), one),
    })
    .map(({ message, cause, errors, fields }) => () => {
      const made = new AggregateError(
        errors.map((make) => make()),
        message,
        { cause: cause() },
      )
      for (const [name, make] of Object.entries(fields)) {
        Object.defineProperty(made, name, { value: make(), enumerable: true, configurable: true })
      }
      return made
    })
  fc.assert(
    fc.property(fc.oneof(one, error), (make) => {
      const told = describeThrown(make())
      expect(told).toMatchObject({ name: expect.any(String), message: expect.any(String) })
      const json = JSON.stringify(told)
      expect(JSON.stringify(JSON.parse(json))).toBe(json)
      expect(json.length).toBeLessThan(210_000)
    }),
    { numRuns: 300 },
  )
})
