import fc from 'fast-check'
import { expect, test } from 'vitest'
import { guard } from '../index.ts'
import { REDACTED, type Report, reporter } from '../report.ts'

// Whole reports, made as an app makes them, with a secret that somebody sent, or that an error brought along.

/** A request, and what is thrown for it, with places where something can be planted. */
interface Scene {
  readonly headers: [name: string, value: string][]
  readonly cookies: string[]
  readonly query: [name: string, value: string][]
  path: string
  body: BodyInit | null
  readonly fields: Record<string, unknown>
  /** What the message, the cause, a member and the stack tell. */
  readonly told: { message: string; cause: string; member: string; stack: string }
  throwsError: boolean
}

type Plant = (scene: Scene, secret: string) => void

const name = fc.oneof(
  fc.constantFrom(
    'customer',
    'note',
    'q',
    'Password',
    'x-api-key',
    'apiToken',
    'constructor',
    '__proto__',
    'ключ',
    'value',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => `x${text}`),
)

const headerName = fc.constantFrom(
  'authorization',
  'x-api-key',
  'x-anything',
  'referer',
  'x-forwarded-for',
  'if-none',
  'constructor',
)

/** Somewhere inside of objects and lists. */
const nested = fc.array(fc.oneof(name, fc.constant(undefined)), { minLength: 1, maxLength: 6 }).map(
  (path) =>
    (value: unknown): unknown =>
      path.reduceRight<unknown>(
        (inside, key) => (key === undefined ? ['x', inside] : own(key, inside)),
        value,
      ),
)

/** What only an error can hold. */
const held = fc.constantFrom<((value: unknown) => unknown)[]>(
  (value) => value,
  (value) => new Map([['a', value]]),
  (value) => new Set([value]),
  (value) => Object.assign(new TypeError('inner'), { info: value }),
  (value) => Object.assign(Object.create(null), { info: value }),
)

function own(key: string, value: unknown): object {
  return Object.defineProperty({}, key, { value, enumerable: true, configurable: true, writable: true })
}

/** As a header can have it. */
function sendable(secret: string): string {
  return /^[\x20-\x7e\xa0-\xff]*$/.test(secret) ? secret : encodeURIComponent(secret)
}

function json(scene: Scene, value: unknown): void {
  scene.body = new Blob([JSON.stringify(value)], { type: 'application/json' })
}

/** More of it than is kept, or not even JSON. */
function brokenJson(scene: Scene, value: unknown, isCut: boolean): void {
  const text = JSON.stringify(value)
  const broken = isCut ? `${text.slice(0, -1)},"more":"${'x'.repeat(20_000)}"}` : `${text},`
  scene.body = new Blob([broken], { type: 'application/json' })
}

function form(scene: Scene, name: string, value: string | Blob, filename?: string): void {
  const form = new FormData()
  form.append('first', 'one')
  if (typeof value === 'string') form.append(name, value)
  else form.append(name, value, filename)
  scene.body = form
}

/** Places whose values have a name. */
const named: fc.Arbitrary<Plant> = fc.oneof(
  headerName.map(
    (name): Plant =>
      (scene, secret) =>
        scene.headers.push([name, sendable(secret)]),
  ),
  headerName.map(
    (name): Plant =>
      (scene, secret) =>
        scene.headers.push([name, `Custom ${sendable(secret)}`]),
  ),
  fc.constant<Plant>((scene, secret) => scene.headers.push(['authorization', `Bearer ${sendable(secret)}`])),
  fc.constant<Plant>((scene, secret) => {
    scene.headers.push(['authorization', `Basic ${Buffer.from(`ada:${secret}`).toString('base64')}`])
  }),
  fc.constant<Plant>((scene, secret) => scene.cookies.push(`sid=${encodeURIComponent(secret)}`)),
  fc.constant<Plant>((scene, secret) => scene.cookies.push(`theme="${encodeURIComponent(secret)}"`)),
  name.map(
    (name): Plant =>
      (scene, secret) =>
        scene.query.push([name, secret]),
  ),
  nested.map(
    (nest): Plant =>
      (scene, secret) =>
        json(scene, nest(secret)),
  ),
  fc.tuple(name, fc.boolean()).map(
    ([name, isCut]): Plant =>
      (scene, secret) =>
        brokenJson(scene, own(name, ['x', secret]), isCut),
  ),
  name.map(
    (name): Plant =>
      (scene, secret) => {
        scene.body = new URLSearchParams([
          ['first', 'one'],
          [name, secret],
        ])
      },
  ),
  name.map(
    (name): Plant =>
      (scene, secret) =>
        form(scene, name, secret),
  ),
  name.map(
    (name): Plant =>
      (scene, secret) =>
        form(scene, name, new Blob(['content']), secret),
  ),
  fc.tuple(name, nested, held, fc.boolean()).map(
    ([name, nest, hold, throwsError]): Plant =>
      (scene, secret) => {
        Object.defineProperties(scene.fields, Object.getOwnPropertyDescriptors(own(name, nest(hold(secret)))))
        scene.throwsError = throwsError
      },
  ),
)

/** How a text quotes it. */
const quoted = fc.constantFrom<((secret: string) => string)[]>(
  (secret) => secret,
  (secret) => `"${secret}"`,
  (secret) => JSON.stringify({ secret }),
  (secret) => `/path?x=${encodeURIComponent(secret)}&y`,
  (secret) => new URLSearchParams({ secret }).toString(),
)

/** Texts that have no names. */
const free: fc.Arbitrary<Plant> = fc.oneof(
  fc.tuple(fc.constantFrom('message', 'cause', 'member', 'stack'), quoted).map(
    ([place, quote]): Plant =>
      (scene, secret) => {
        scene.told[place as keyof Scene['told']] += `before ${quote(secret)} after`
      },
  ),
  fc.constant<Plant>((scene, secret) => {
    scene.path += `/${encodeURIComponent(secret)}/end`
  }),
  fc.constant<Plant>((scene, secret) => scene.headers.push(['user-agent', `test ${sendable(secret)} end`])),
  fc.constant<Plant>((scene, secret) => scene.query.push(['page', secret])),
)

/** As somebody might choose one, with whatever is special anywhere. */
const secret = fc
  .oneof(
    fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 24 }),
    fc.string({ unit: 'grapheme', minLength: 8, maxLength: 16 }),
    fc.string({
      unit: fc.constantFrom(...'%2f"\\\'/+ =&?#;:,.*$^()[]{}|<>`~u00n', 'ü', '€', '🔑'),
      minLength: 8,
      maxLength: 16,
    }),
  )
  .filter((text) => text.trim().length >= 8)

type Reader = (request: Request) => Promise<unknown>

const reader = fc.constantFrom<Reader[]>(
  (request) => request.text(),
  (request) => request.arrayBuffer(),
  (request) => request.blob(),
  (request) => new Response(request.body).text(),
)

/** The report that comes of it. */
async function reported(plants: readonly Plant[], secret: string, read: Reader): Promise<Report> {
  const scene: Scene = {
    headers: [['accept', '*/*']],
    cookies: ['a=b'],
    query: [['limit', '10']],
    path: '/users',
    body: null,
    fields: { code: 'E_BOOM' },
    told: { message: '', cause: '', member: '', stack: '' },
    throwsError: true,
  }
  for (const plant of plants) plant(scene, secret)
  // The last of one name: a list of them has commas as they may have.
  const headers = new Headers({ ...Object.fromEntries(scene.headers), cookie: scene.cookies.join('; ') })
  const url = `http://localhost${scene.path}?${new URLSearchParams(scene.query)}`
  const request = new Request(url, { method: 'POST', headers, body: scene.body })

  const reports: Report[] = []
  const reports_ = reporter({ hooks: [(report) => void reports.push(report)] })
  await guard(
    async () => {
      await read(request)
      throw thrown(scene)
    },
    { reporter: reports_ },
  )(request)
  expect(await reports_.flush()).toBe(true)
  expect(reports).toHaveLength(1)
  return reports[0]!
}

function thrown({ fields, told, throwsError }: Scene): unknown {
  if (!throwsError)
    return Object.defineProperties({ message: told.message }, Object.getOwnPropertyDescriptors(fields))
  const cause = new Error(told.cause, { cause: told.cause })
  const error = new AggregateError([new Error(told.member), told.member], told.message, { cause })
  error.stack += `\n    at ${told.stack} (/app/index.ts:1:1)`
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors(fields))
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) => [name, ...texts(item)])
}

/** Where it can be read in the report, in whatever form. */
function leaks(report: Report, secret: string): string[] {
  const bare = secret.trim()
  const escaped = JSON.stringify(bare).slice(1, -1)
  const component = encodeURIComponent(bare)
  const forms = [
    bare,
    escaped,
    component,
    new URLSearchParams({ bare }).toString().slice(5),
    encodeURIComponent(escaped),
  ]
  const all = [...texts(report), JSON.stringify(report), decoded(report.request.url)]
  return all.filter((text) => forms.some((form) => text.includes(form)))
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}

test('what has a name somewhere can be read nowhere', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(named, { minLength: 1, maxLength: 3 }),
      fc.array(free, { maxLength: 3 }),
      secret,
      reader,
      async (named, free, secret, read) => {
        const plants = [...named, ...free]
        const other = 'Another/Secret0'
        // What is there without it is no leak.
        fc.pre(leaks(await reported(plants, other, read), secret).length === 0)
        const report = await reported(plants, secret, read)
        expect(report.omitted).toBeUndefined()
        expect(leaks(report, secret)).toEqual([])
        expect(JSON.stringify(report)).toContain(REDACTED)
        expect(new URL(report.request.url).origin).toBe('http://localhost')
      },
    ),
    { numRuns: 250 },
  )
})

test('what can be recognised can be read nowhere, though it has a name nowhere', async () => {
  const token = fc.stringMatching(/^[a-z]{4}[0-9][A-Z][A-Za-z0-9]{14,30}$/)
  const around = fc.constantFrom<((token: string) => string)[]>(
    (token) => `Bearer ${token}`,
    (token) => `Authorization: Bearer ${token}`,
    (token) => `password=${token}`,
    (token) => `{"client_secret":"${token}"}`,
    (token) => `postgres://app:${token}@db:5432/app`,
    (token) => `eyJhbGciOiJIUzI1NiJ9.${token}.${token}`,
    (token) => `sk_live_${token}`,
    (token) => `--api-key ${token}`,
  )
  const plain = fc.oneof(
    free,
    fc.constant<Plant>((scene, text) => {
      scene.body = `before ${text} after`
    }),
    nested.map(
      (nest): Plant =>
        (scene, text) =>
          json(scene, { status: text, other: nest('x'), type: [{ kind: text }] }),
    ),
    fc.constant<Plant>((scene, text) => Object.assign(scene.fields, { path: text })),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(plain, { minLength: 1, maxLength: 4 }),
      token,
      around,
      reader,
      async (plants, token, around, read) => {
        const report = await reported(plants, around(token), read)
        expect(report.omitted).toBeUndefined()
        expect(leaks(report, token)).toEqual([])
        expect(JSON.stringify(report)).toContain(REDACTED)
      },
    ),
    { numRuns: 250 },
  )
})

test('half of what has a name cannot be read either, where a text is cut', async () => {
  const secret = 'my secret pass phrase'
  const plant: Plant = (scene, secret) => {
    scene.headers.push(['x-anything', secret], ['x-request-id', `${'x'.repeat(188)} ${secret}`])
    scene.told.message = `${'long '.repeat(3_274)}${secret} and ${'on '.repeat(3_000)}`
  }
  const report = await reported([plant], secret, (request) => request.text())
  expect(JSON.stringify(report)).not.toContain('my')
})
