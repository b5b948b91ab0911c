import { InvalidOptionError } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import { type How, rebuilt } from '../test/rebuilt.ts'
import { CannotSendError } from './cli-error.ts'
import { parseTarget } from './rebuild-url.ts'

describe('the URL', () => {
  const at = async (url: string, how?: How) => (await rebuilt({ url }, how)).url

  test('path and query go onto the origin, and below the path, of the target', async () => {
    expect(await at('https://shop.example:8443/a/b?x=1&y=#top')).toBe('http://127.0.0.1:1/a/b?x=1&y=')
    expect(await at('https://shop.example/a', { to: 'https://other.example/base/' })).toBe(
      'https://other.example/base/a',
    )
    expect(await at('/only/path?x')).toBe('http://127.0.0.1:1/only/path?x')
    expect(await at('http://shop.example')).toBe('http://127.0.0.1:1/')
  })

  test('no path leads to another host', async () => {
    expect(await at('http://shop.example//evil.example/x')).toBe('http://127.0.0.1:1//evil.example/x')
    expect(await at('//evil.example/x')).toBe('http://127.0.0.1:1//evil.example/x')
    expect(await at('http://shop.example/a', { set: ['path=//evil.example/@x'] })).toBe(
      'http://127.0.0.1:1//evil.example/@x',
    )
    expect(await at('http://shop.example/../../a', { to: 'http://127.0.0.1:1/base' })).toBe(
      'http://127.0.0.1:1/base/a',
    )
  })

  test('a query stays as it was written where nothing is given for it', async () => {
    expect(await at('http://a.example/?a=%7E+%20&b&&=x&a=2&[c]=%5B')).toBe(
      'http://127.0.0.1:1/?a=%7E+%20&b&=x&a=2&[c]=%5B',
    )
  })

  test('redacted values are missing, encoded or not, and can be given or left out', async () => {
    const url = 'http://a.example/?token=[redacted]&page=2&key=%5Bredacted%5D&sig=abc[redacted]'
    const { missing, options } = await rebuilt({ url })
    expect(missing).toEqual(['query.token: redacted', 'query.key: redacted', 'query.sig: redacted'])
    expect(options[0]).toEqual(['--set query.token=VALUE', '--drop query.token'])
    expect(
      await rebuilt(
        { url },
        { set: ['query.token=a&b=c', 'query.sig=1', 'query.new=é'], drop: ['query.key'] },
      ),
    ).toMatchObject({
      url: 'http://127.0.0.1:1/?token=a%26b%3Dc&page=2&sig=1&new=%C3%A9',
      missing: [],
    })
    expect(await rebuilt({ url }, { drop: ['query'] })).toMatchObject({
      url: 'http://127.0.0.1:1/',
      missing: [],
    })
  })

  test('what is given for a name takes the places of all that it had', async () => {
    const url = 'http://a.example/?t=1&x=y&t=2'
    expect(await at(url, { set: ['query.t=8', 'query.t=9'] })).toBe('http://127.0.0.1:1/?t=8&t=9&x=y')
    expect(await at(url, { set: ['query.t=[redacted]'] })).toBe('http://127.0.0.1:1/?t=%5Bredacted%5D&x=y')
  })

  test('a path that was redacted has to be given', async () => {
    for (const url of [
      'http://a.example/users/[redacted]?x=1',
      'http://a.example/users/%5Bredacted%5D?x=1',
    ]) {
      expect(await rebuilt({ url })).toMatchObject({
        missing: ['path: redacted'],
        options: [['--set path=/PATH', undefined]],
      })
      expect(await rebuilt({ url }, { set: ['path=/users/ä'] })).toMatchObject({
        url: 'http://127.0.0.1:1/users/%C3%A4?x=1',
        missing: [],
      })
    }
    expect(await rebuilt({ url: '[redacted]' }, { set: ['path=/a'] })).toMatchObject({
      url: 'http://127.0.0.1:1/a',
      missing: [],
    })
    expect((await rebuilt({ url: '[redacted]' })).missing).toEqual(['path: redacted'])
    await expect(rebuilt({}, { set: ['path=users'] })).rejects.toThrow(InvalidOptionError)
    await expect(rebuilt({}, { set: ['path=/a?b'] })).rejects.toThrow(InvalidOptionError)
  })

  test('controls never get into the request line', async () => {
    expect(await at('http://a.example/a\r\nX-Evil: 1/b?c=\r\n\u0000 é')).toBe(
      'http://127.0.0.1:1/aX-Evil:%201/b?c=%00%20%C3%A9',
    )
  })

  test.each([
    'nonsense',
    '',
    'ftp://a.example/',
    'javascript:alert(1)',
    'http://',
    'http://a b/',
    'file:///etc/passwd',
  ])('%j is no URL to send to', async (url) => {
    await expect(rebuilt({ url })).rejects.toThrow(CannotSendError)
  })

  test.each(['', 'G ET', 'GET / HTTP/1.1\r\nX: y', 'CONNECT', 'connect', 'GÉT'])(
    '%j is no method',
    async (method) => {
      await expect(rebuilt({ method })).rejects.toThrow(CannotSendError)
    },
  )

  test.each([
    'ftp://a.example',
    'a.example:80',
    '',
    'http://',
    'http://a.example/?x',
    'http://a.example/#x',
    'http://u:p@a.example',
  ])('%j is no target', (to) => {
    expect(() => parseTarget(to)).toThrow(InvalidOptionError)
  })

  test('a refused target does not say its password again', () => {
    expect(() => parseTarget('http://u:s3cret@a.example')).toThrow(/^(?!.*s3cret)/)
  })
})

describe('headers', () => {
  const sent = async (headers: Record<string, string>, how?: How) => (await rebuilt({ headers }, how)).headers

  test('those of that connection, and those that would make it pass for that request, are left out', async () => {
    const headers = {
      host: 'a',
      connection: 'close, X-Hop',
      'x-hop': '1',
      'keep-alive': '1',
      'content-length': '0',
      'Transfer-Encoding': 'chunked',
      te: 'x',
      trailer: 'x',
      upgrade: 'x',
      expect: 'x',
      'accept-encoding': 'br',
      'proxy-authorization': 'x',
      ':path': '/',
      'x-request-id': '1',
      traceparent: '2',
      tracestate: '3',
      accept: '*/*',
      'idempotency-key': 'k',
      'x-forwarded-proto': 'https',
    }
    expect(await sent(headers, { drop: ['body'] })).toEqual({
      accept: '*/*',
      'idempotency-key': 'k',
      'x-forwarded-proto': 'https',
    })
    expect(
      await sent(headers, { drop: ['body'], set: ['header.host=b', 'header.x-request-id=9'] }),
    ).toMatchObject({ host: 'b', 'x-request-id': '9' })
  })

  test.each(['content-length', 'Connection', 'transfer-encoding', 'upgrade'])(
    '%s is made, and cannot be given',
    async (name) => {
      await expect(sent({}, { set: [`header.${name}=1`] })).rejects.toThrow(InvalidOptionError)
    },
  )

  test('redacted ones are missing, and can be given or left out by a name in any case', async () => {
    const headers = { Authorization: 'Bearer [redacted]', 'x-api-key': '[redacted]', accept: '*/*' }
    expect((await rebuilt({ headers })).missing).toEqual([
      'header.authorization: redacted',
      'header.x-api-key: redacted',
    ])
    const how = {
      set: ['header.AUTHORIZATION=Basic x', 'header.x-new=[redacted]'],
      drop: ['header.X-Api-Key'],
    }
    expect(await rebuilt({ headers }, how)).toMatchObject({
      missing: [],
      warnings: [],
      headers: { authorization: 'Basic x', accept: '*/*', 'x-new': '[redacted]' },
    })
    expect(await sent(headers, { drop: ['header'], set: ['header.a=b'] })).toEqual({ a: 'b' })
  })

  test('a value that was too long to be kept is missing', async () => {
    expect((await rebuilt({ headers: { x: 'lorem … (999 characters more)' } })).missing).toEqual([
      'header.x: cut',
    ])
  })

  test('what would begin another header cannot be sent', async () => {
    const headers = {
      'x-a': '1\r\nX-Evil: 1',
      'x-b': '1\nX-Evil: 1',
      'x-c': '\u0000',
      'x-d': '東',
      'x:e\r\n': '1',
      cookie: 'a=1\r\nX-Evil: 1',
      'x-f': 'é\t',
    }
    const { missing, options } = await rebuilt({ headers })
    expect(missing).toEqual([
      'header.x-a: not allowed in a header',
      'header.x-b: not allowed in a header',
      'header.x-c: not allowed in a header',
      'header.x-d: not allowed in a header',
      'header.x:e\r\n: no name of a header',
      'header.cookie: not allowed in a header',
    ])
    expect(options[4]![0]).toBeUndefined()
    const drop = missing.map((each) => each.slice(0, each.lastIndexOf(': n')))
    expect(await rebuilt({ headers }, { drop })).toMatchObject({ missing: [], headers: { 'x-f': 'é' } })
  })

  test.each([
    'header.x=a\r\nb',
    'header.x=a\nb',
    'header.x=東',
    'header.x y=1',
    'cookie.a=1;b=2',
    'cookie.a=1\r\n',
    'cookie.a b=1',
  ])('--set %j is refused', async (set) => {
    await expect(sent({}, { set: [set] })).rejects.toThrow(InvalidOptionError)
  })

  test('cookies are replaced one by one', async () => {
    const headers = { cookie: 'session=[redacted]; theme=dark;  id="x=y"; bare' }
    expect((await rebuilt({ headers })).missing).toEqual(['cookie.session: redacted'])
    expect(
      await rebuilt({ headers }, { set: ['cookie.session=s=1', 'cookie.new=2'], drop: ['cookie.theme'] }),
    ).toMatchObject({
      missing: [],
      warnings: [],
      headers: { cookie: 'session=s=1; id="x=y"; bare; new=2' },
    })
    expect(await sent(headers, { drop: ['cookie.session'] })).toEqual({
      cookie: 'theme=dark; id="x=y"; bare',
    })
    expect(await sent(headers, { drop: ['header.cookie'] })).toEqual({})
    expect(await sent(headers, { drop: ['cookie'] })).toEqual({})
    expect(await sent(headers, { set: ['header.cookie=a=1'] })).toEqual({ cookie: 'a=1' })
    expect(await sent({}, { set: ['cookie.a=1', 'cookie.b=2'] })).toEqual({ cookie: 'a=1; b=2' })
  })

  test('of cookies whose names are not known either, those that are given are all', async () => {
    const headers = { cookie: '[redacted]' }
    expect((await rebuilt({ headers })).missing).toEqual(['header.cookie: redacted'])
    expect(await rebuilt({ headers }, { set: ['cookie.a=1'] })).toMatchObject({
      missing: [],
      headers: { cookie: 'a=1' },
    })
  })

  test('headers that could not be captured have to be done without', async () => {
    const report = { omitted: ['request.headers'] }
    expect(await rebuilt({ headers: undefined }, { report })).toMatchObject({
      missing: ['header: omitted'],
      options: [[undefined, '--drop header']],
    })
    expect(await rebuilt({ headers: undefined }, { report, drop: ['header'] })).toMatchObject({
      missing: [],
      warnings: [],
    })
    expect((await rebuilt({ headers: undefined })).warnings).toEqual([
      'report has no headers: sends only those that are given',
    ])
  })

  test('what was to be left out and was not there is told', async () => {
    expect((await rebuilt({}, { drop: ['header.cooky', 'query.page'] })).warnings).toEqual([
      'nothing to leave out: header.cooky',
    ])
  })
})

test('texts made to take for ever do not', async () => {
  const spaces = ' '.repeat(200_000)
  const headers = {
    'content-type': `a;${spaces}x`,
    'x-a': `x${spaces}x`,
    cookie: `a${spaces}=${spaces};b${spaces}`,
  }
  const fields = [{ name: `${'\n'.repeat(200_000)}x`, value: '[redacted]' }]
  const body = { kind: 'form', bytes: 1, complete: true, fields }
  expect((await rebuilt({ method: 'POST', headers, body })).missing).toHaveLength(1)
})
