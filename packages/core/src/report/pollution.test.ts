import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { guard } from '../index.ts'
import { parseReport, type Report, reporter } from '../report.ts'

// What every object has must not change, whatever a request or an error brings along, and names of what every object has
// are names like others.

const shared = [Object, Array, Function, String, Map, Set, Error, Request, Headers].flatMap((each) => [
  each,
  each.prototype as object,
])
const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then']

let before: string
const state = (): string =>
  JSON.stringify(shared.map((each) => Reflect.ownKeys(each).map((key) => [String(key), typeof each])))

beforeEach(() => {
  before = state()
})
afterEach(() => {
  expect(state()).toBe(before)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

/** `{"__proto__":{"polluted":…},"constructor":{"prototype":{"polluted":…}}}`, and so on. */
const evil = `{${names
  .map((name) => `${JSON.stringify(name)}:{"polluted":"yes","prototype":{"polluted":"yes"}}`)
  .join()}}`

async function reportOf(request: Request, fail: (request: Request) => unknown, allowAll = false) {
  const made: Report[] = []
  const allow = allowAll ? { headers: true, query: true, cookies: true, body: true, error: true } : {}
  const reports = reporter({ hooks: [(report) => void made.push(report)], redact: { allow } as never })
  const guarded = guard(
    async (own) => {
      const thrown = await fail(own)
      throw thrown
    },
    { reporter: reports },
  )
  await guarded(request)
  await reports.flush()
  return made[0]!
}

function post(body: BodyInit, type?: string): Request {
  const headers: HeadersInit = type === undefined ? {} : { 'content-type': type }
  return new Request('http://localhost/', { method: 'POST', body, headers })
}

/** As a report that was written into a file comes back. */
function readBack(report: Report): Report {
  const copy = parseReport(JSON.parse(JSON.stringify(report)))
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  return copy
}

describe.each([
  ['redacted', false],
  ['allowed', true],
])('%s', (_, allowAll) => {
  const fromBody = async (request: Request): Promise<unknown> => {
    const text = await request.text()
    return Object.assign(new Error('thrown'), { input: JSON.parse(evil), text })
  }

  test('JSON is told with all of its names', async () => {
    const report = await reportOf(post(evil, 'application/json'), fromBody, allowAll)
    for (const { request, error } of [report, readBack(report)]) {
      const { body } = request
      expect(body?.kind).toBe('json')
      expect(Object.keys((body as { value: object }).value)).toEqual(names)
      expect(Object.keys(error!.fields!.input as object)).toEqual(names)
    }
  })

  test('forms are told with all of their names', async () => {
    const form = new FormData()
    for (const name of names) form.append(name, 'polluted')
    for (const body of [new URLSearchParams(names.map((name) => [name, 'polluted'])), form]) {
      const report = await reportOf(post(body), fromBody, allowAll)
      for (const { request } of [report, readBack(report)]) {
        const { fields } = request.body as { fields: readonly { name: string }[] }
        expect(fields.map(({ name }) => name)).toEqual(names)
      }
    }
  })

  test('headers, cookies and queries are told with all of their names', async () => {
    const query = new URLSearchParams(names.map((name) => [name, 'polluted']))
    const request = new Request(`http://localhost/?${query}`, {
      headers: [
        ...names.map((name): [string, string] => [name, 'polluted']),
        ['cookie', names.map((name) => `${name}=polluted`).join('; ')],
      ],
    })
    const report = await reportOf(request, () => new Error('thrown'), allowAll)
    expect(Object.keys(report.request.headers!).sort()).toEqual(
      [...names.map((name) => name.toLowerCase()), 'cookie'].sort(),
    )
    for (const told of [report, readBack(report)]) {
      expect(Object.getPrototypeOf(told.request.headers)).toBe(Object.prototype)
      expect([...new URL(told.request.url).searchParams.keys()]).toEqual(names)
    }
  })

  test('errors are told with all that they have of their own', async () => {
    const error = Object.defineProperties(
      new Error('thrown'),
      Object.fromEntries(
        names.map((name) => [name, { value: { polluted: 'yes' }, enumerable: true, configurable: true }]),
      ),
    )
    const { error: told } = await reportOf(post('x'), () => error, allowAll)
    expect(Object.keys(told!.fields ?? {})).toEqual(expect.arrayContaining(['__proto__', 'prototype']))
  })
})

test.each(names)('a reporter’s hook, a route and a request id may be called %s', async (name) => {
  const made: Report[] = []
  const reports = reporter({
    hooks: [{ name, fire: (report) => void made.push(report) }],
    requestId: () => name,
  })
  const guarded = guard(
    () => {
      throw new Error(name)
    },
    { reporter: reports },
  )
  for (let i = 0; i < 2; i++) await guarded(new Request(`http://localhost/${name}`))
  await reports.flush()
  expect(Object.keys(reports.stats.hooks)).toEqual([name])
  expect(made[0]!.request.id).toBe(name)
  expect(reports.stats).toMatchObject({ reported: 2, repeated: 1, failed: 0 })
})
