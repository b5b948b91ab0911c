import { describe, expect, test } from 'vitest'
import { guard } from '../index.ts'
import { type Report, reporter } from '../report.ts'

// Whole reports, made as an app makes them, of more than any report should tell.

/** More than any of these reports has bytes, as JSON. */
const MAX_BYTES = 256 * 1024

const encoder = new TextEncoder()

/** The report of a request whose handler throws what `fail` gives. */
async function reportOf(request: Request, fail: (request: Request) => unknown): Promise<Report> {
  const made: Report[] = []
  const reports = reporter({ hooks: [(report) => void made.push(report)] })
  const guarded = guard(
    async (own) => {
      throw await fail(own)
    },
    { reporter: reports },
  )
  expect((await guarded(request)).status).toBe(500)
  await reports.flush()
  expect(reports.stats).toMatchObject({ reported: 1, failed: 0 })
  return made[0]!
}

function get(path = '/', init: RequestInit = {}): Request {
  return new Request(`http://localhost${path}`, init)
}

function post(body: BodyInit, type = 'application/json'): Request {
  return get('/', { method: 'POST', body, headers: { 'content-type': type }, duplex: 'half' } as RequestInit)
}

function sizeOf(report: Report): number {
  return encoder.encode(JSON.stringify(report)).byteLength
}

/** 100 MB that nobody keeps. */
function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const megabyte = encoder.encode('secret words '.repeat(80_000)).subarray(0, 1_000_000)
  let left = 100
  return new ReadableStream({
    pull(controller) {
      if (left-- === 0) controller.close()
      else controller.enqueue(megabyte.slice())
    },
  })
}

async function read(request: Request): Promise<Error> {
  for await (const _ of request.body as unknown as AsyncIterable<unknown>);
  return new Error('read')
}

describe('a request', () => {
  const requests: Record<string, () => Request> = {
    'with a body of 100 MB': () => post(endless(), 'text/plain'),
    'with JSON that is nested a hundred thousand times': () =>
      post('['.repeat(100_000) + ']'.repeat(100_000)),
    'with JSON that is nested as often as fits': () => post(`${'{"a":'.repeat(2_600)}1${'}'.repeat(2_600)}`),
    'with as many values of JSON as fit': () => post(`[${'1,'.repeat(8_000)}1]`),
    'with as many names of JSON as fit': () =>
      post(`{${Array.from({ length: 1_400 }, (_, index) => `"n${index}":1`).join()}}`),
    'with as many fields as fit': () => post('a=1&'.repeat(4_090), 'application/x-www-form-urlencoded'),
    'with JSON in JSON in JSON': () =>
      post(JSON.stringify(JSON.stringify(JSON.stringify(JSON.stringify('['.repeat(500)))))),
    'with two thousand headers': () =>
      get('/', { headers: Array.from({ length: 2_000 }, (_, index) => [`x-${index}`, `value ${index}`]) }),
    'with a header of ten megabytes': () => get('/', { headers: { 'user-agent': 'y '.repeat(5_000_000) } }),
    'with a query of twenty thousand names': () => get(`/?${'a=1&'.repeat(20_000)}`),
    'with a path of a hundred thousand folders': () => get(`/${'a/'.repeat(100_000)}`),
    'with a method of a megabyte': () => get('/', { method: 'M'.repeat(1_000_000) }),
  }

  test.each(Object.entries(requests))('%s', async (_, make) => {
    const request = make()
    const report = await reportOf(request, request.body ? read : () => new Error('thrown'))
    expect(sizeOf(report)).toBeLessThan(MAX_BYTES)
    expect(report.omitted).toBeUndefined()
    expect(report.request.url).toMatch(/^http:\/\/localhost\//)
  })

  test('whose path is cut, or replaced, still says to which host it came', async () => {
    const long = await reportOf(get(`/${'a/'.repeat(100_000)}`), () => new Error('thrown'))
    expect(new URL(long.request.url).hostname).toBe('localhost')
    expect(decodeURIComponent(long.request.url)).toBe('http://localhost/… (200001 characters more)')
  })

  test('of which names are left out says how much there was', async () => {
    const headers = Array.from({ length: 201 }, (_, index): [string, string] => [`x-${1000 + index}`, 'abc'])
    const query = Array.from({ length: 203 }, (_, index) => `n${1000 + index}=1`).join('&')
    const { request } = await reportOf(get(`/?${query}`, { headers }), () => new Error('thrown'))
    expect(Object.entries(request.headers!).slice(-2)).toEqual([
      ['x-1199', '[redacted]'],
      ['…', '… (16 characters more)'],
    ])
    const pairs = [...new URL(request.url).searchParams]
    expect(pairs.slice(199)).toEqual([
      ['n1199', '[redacted]'],
      ['…', '… (45 characters more)'],
    ])
  })

  test('of which names are left out is searched for their values all the same', async () => {
    const many = Array.from({ length: 300 }, (_, index) => [`x-${index}`, 'short'] as [string, string])
    const headers = [...many, ['x-z', 'hunter-2-secret'] as [string, string]]
    const query = `${'a=1&'.repeat(300)}z=other-3-secret`
    const report = await reportOf(
      get(`/?${query}`, { headers }),
      () => new Error('no hunter-2-secret, no other-3-secret'),
    )
    expect(report.error?.message).toBe('no [redacted], no [redacted]')
  })
})

describe('an error', () => {
  const throwing = (): never => {
    throw new Error('looked at')
  }
  const traps = ['get', 'has', 'ownKeys', 'getPrototypeOf', 'getOwnPropertyDescriptor'] as const

  /** An object of which each property is another one like it. */
  function bottomless(): object {
    return new Proxy(
      {},
      {
        get: (_, name) => (typeof name === 'string' ? bottomless() : undefined),
        ownKeys: () => ['a', 'b', 'c', 'd'],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: bottomless() }),
      },
    )
  }

  function chain(length: number): Error {
    let error = new Error('the first')
    for (let i = 0; i < length; i++) error = new Error(`cause ${i}`, { cause: error })
    return error
  }

  function circle(): Error {
    const [first, second] = [new Error('first'), new Error('second')]
    first.cause = second
    second.cause = first
    return Object.assign(first, { errors: [first, second], self: { first } })
  }

  function nested(depth: number): object {
    let object = {}
    for (let i = 0; i < depth; i++) object = { object }
    return object
  }

  const errors: Record<string, () => unknown> = {
    'with a message of 20 MB': () => new Error('words '.repeat(3_000_000)),
    'with a message of one word of 20 MB': () => new Error('w'.repeat(20_000_000)),
    'with a name of 20 MB': () => Object.assign(new Error('m'), { name: 'N '.repeat(10_000_000) }),
    'with a stack of a million calls': () =>
      Object.assign(new Error('m'), { stack: `Error: m\n${'    at f (/a.js:1:1)\n'.repeat(1_000_000)}` }),
    'with a hundred thousand causes': () => chain(100_000),
    'that is its own cause': circle,
    'with a hundred thousand members': () =>
      new AggregateError(new Array(100_000).fill(new Error('one')), 'many'),
    'with ten million items': () =>
      Object.assign(new Error('m'), { items: new Array(10_000_000).fill('item') }),
    'with a property of 100 MB': () => Object.assign(new Error('m'), { bytes: new Uint8Array(100_000_000) }),
    'with a property whose name has 10 MB': () =>
      Object.assign(new Error('m'), { ['n'.repeat(10_000_000)]: 1 }),
    'with properties that are nested a hundred thousand times': () =>
      Object.assign(new Error('m'), { nested: nested(100_000) }),
    'with properties that have no end': () => Object.assign(new Error('m'), { bottomless: bottomless() }),
    'with getters that throw': () =>
      Object.defineProperties(
        new Error(),
        Object.fromEntries(
          ['name', 'message', 'stack', 'cause', 'errors', 'code'].map((name) => [
            name,
            { get: throwing, enumerable: true },
          ]),
        ),
      ),
    'that is a Proxy which refuses everything': () =>
      new Proxy(new Error('m'), Object.fromEntries(traps.map((trap) => [trap, throwing]))),
    'that is a text of 20 MB': () => 'words '.repeat(3_000_000),
    'that is an object of a hundred thousand properties': () =>
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`n${index}`, index])),
  }

  test.each(Object.entries(errors))('%s', async (_, make) => {
    const report = await reportOf(get(), make)
    expect(report.error).toBeDefined()
    expect(sizeOf(report)).toBeLessThan(MAX_BYTES)
  })
})
