import { expect, test } from 'vitest'
import { cpuTime } from '../../test/cpu-time.ts'
import { guard } from '../index.ts'
import { type Report, type ReportedError, reporter } from '../report.ts'

// What an attack found, and what is like it: a value that a client sent turns up in what was thrown.

const secret = 'sunshine-Daisy'

/** The report of a request whose handler reads the body, and fails with this message; and what an observer is told. */
async function reported(
  init: RequestInit,
  thrown: (body: string) => unknown,
  path = '/',
): Promise<{ report: Report; observed: ReportedError | undefined }> {
  const reports: Report[] = []
  let observed: ReportedError | undefined
  const own = reporter({
    hooks: [
      (report) => void reports.push(report),
      {
        name: 'observing',
        observe: () => ({
          decided: (_, { error }) => {
            observed = error()
          },
        }),
      },
    ],
  })
  const guarded = guard(
    async (request) => {
      throw thrown(await request.text())
    },
    { reporter: own },
  )
  await guarded(new Request(`http://localhost${path}`, { method: 'POST', ...init }))
  await own.flush()
  return { report: reports[0]!, observed }
}

function sent(body: string | Uint8Array<ArrayBuffer>, type?: string): RequestInit {
  return { body, headers: type ? { 'content-type': type } : {} }
}

const part = `--x\r\ncontent-disposition: form-data; name="password"\r\n\r\n${secret}\r\n`
const filler = `--x\r\ncontent-disposition: form-data; name="z"\r\n\r\n${'z'.repeat(20_000)}\r\n--x--\r\n`

const bodies: [name: string, init: RequestInit][] = [
  ['JSON', sent(`{"note":"${secret}"}`, 'application/json')],
  ['JSON that does not parse', sent(`{"note":"${secret}",}`, 'application/json')],
  ['JSON that curl calls a form', sent(`{"note":"${secret}"}`, 'application/x-www-form-urlencoded')],
  ['JSON that fetch() calls text', sent(`{"note":"${secret}"}`, 'text/plain;charset=UTF-8')],
  ['JSON of no type', sent(new TextEncoder().encode(`{"note":"${secret}"}`))],
  ['JSON that is said to be anything', sent(`["${secret}"]`, 'application/octet-stream')],
  ['JSON in JSON', sent(JSON.stringify({ inner: JSON.stringify({ note: secret }) }), 'application/json')],
  ['JSON that was cut', sent(`{"note":"${secret}","z":"${'z'.repeat(20_000)}"}`, 'application/json')],
  ['a form', sent(`note=${secret}`, 'application/x-www-form-urlencoded')],
  ['a form that is none', sent(`<note>&${secret}=`, 'application/x-www-form-urlencoded')],
  ['a form in parts', sent(`${part}--x--\r\n`, 'multipart/form-data; boundary=x')],
  ['a form in parts that was cut', sent(part + filler, 'multipart/form-data; boundary=x')],
  ['a form in parts with another boundary', sent(`${part}--x--\r\n`, 'multipart/form-data; boundary=y')],
]

test.each(bodies.filter(([name]) => name !== 'a form that is none'))(
  'the value of a body is hidden where it turns up again: %s',
  async (_, init) => {
    const { report, observed } = await reported(init, () =>
      Object.assign(new Error(`bad login ${secret} (${secret.toUpperCase()})`), { note: secret }),
    )
    expect(JSON.stringify([report, observed])).not.toMatch(/sunshine/i)
    expect(report.error!.message).toBe('bad login [redacted] ([redacted])')
    expect(observed!.message).toBe(report.error!.message)
  },
)

test.each(bodies)('the value of a body is not in the body that is shown: %s', async (_, init) => {
  const { report } = await reported(init, () => new Error('boom'))
  expect(JSON.stringify(report)).not.toContain(secret)
})

test.each(bodies.filter(([name]) => name.includes('JSON')))(
  'the words of a parser quote nothing that was sent: %s',
  async (_, init) => {
    const { report, observed } = await reported(init, (body) => {
      try {
        return JSON.parse(body.replace(`"${secret}`, secret).replace(`"${secret}\\"`, secret))
      } catch (error) {
        return error
      }
    })
    expect(JSON.stringify([report, observed])).not.toContain('sunshine')
  },
)

test.each<[string, Record<string, string>]>([
  ['a parameter of a scheme', { authorization: `Token token="${secret}", nonce=1` }],
  ['a tab after the scheme', { authorization: `Bearer\t${secret}` }],
  ['a pair', { 'x-auth': `id=5;key=${secret}` }],
  ['an item of a list', { 'x-forwarded-for': `10.0.0.1, ${secret}` }],
])('a part of a header is hidden where it turns up again: %s', async (_, headers) => {
  const { report } = await reported({ headers, body: 'x' }, () => new Error(`no ${secret}`))
  expect(report.error!.message).toBe('no [redacted]')
  expect(JSON.stringify(report)).not.toContain(secret)
})

test('data that looks like an error is data', async () => {
  const row = { name: secret, message: 'of Elm Street 12', stack: 'none of it' }
  const { report } = await reported(sent('x'), () => Object.assign(new Error('no'), { row }))
  expect(report.error!.fields).toEqual({
    row: { name: '[redacted]', message: '[redacted]', stack: '[redacted]' },
  })
})

test('of the path of an error the query is not shown', async () => {
  const { report } = await reported(sent('x'), () =>
    Object.assign(new Error(`no ${secret}`), { path: `/reset?t=${secret}` }),
  )
  expect(report.error).toMatchObject({ message: 'no [redacted]', fields: { path: '/reset?[redacted]' } })
})

test('a number is hidden with all the digits that were sent', async () => {
  const { report } = await reported(sent('{"id":98765432109876543210}', 'application/json'), (body) => {
    return new Error(`no ${body}`)
  })
  expect(JSON.stringify(report)).not.toContain('9876543210')
})

test('however alike the values are, and the texts: what is looked for takes its time once', async () => {
  const v = Array.from({ length: 10 }, (_, index) => `${'a'.repeat(1_440 + index)}b`)
  const spent = cpuTime()
  const init = {
    headers: { 'user-agent': 'a'.repeat(14_500), 'content-type': 'application/json' },
    body: JSON.stringify({ v }),
  }
  const { report } = await reported(init, () => new Error('a'.repeat(24_000), { cause: 'a'.repeat(20_000) }))
  expect(report.kind).toBe('failed')
  // Far more than it takes, far less than it took.
  expect(spent()).toBeLessThan(1_000)
})

test.each(['pin={a=', 'pin={a:', 'pin={{"', '//auth:80/', 'pin=[a='])(
  'names without an end take their time once: %s',
  async (text) => {
    const spent = cpuTime()
    const init = sent(JSON.stringify({ text: text.repeat(1_900) }), 'application/json')
    const { report } = await reported(init, (body) => new Error(body, { cause: new Error(body) }))
    expect(report.kind).toBe('failed')
    expect(spent()).toBeLessThan(1_000)
  },
)

test('a denied value of a few characters is hidden where it turns up again', async () => {
  const reports: Report[] = []
  const own = reporter({ hooks: [(report) => void reports.push(report)], redact: { deny: ['Plan'] } })
  const guarded = guard(
    async (request) => {
      throw new Error(`no ${await request.text()}`)
    },
    { reporter: own },
  )
  const headers = { 'content-type': 'application/json' }
  await guarded(new Request('http://localhost/', { method: 'POST', headers, body: '{"plan":"gold"}' }))
  await own.flush()
  expect(JSON.stringify(reports)).not.toContain('gold')
})
