import { describe, expect, test } from 'vitest'
import { cpuTime } from '../../test/cpu-time.ts'
import { describeThrown } from './describe-thrown.ts'
import { Redaction, type RedactOptions } from './redaction.ts'
import { REDACTED } from './report.ts'
import { joinUrl } from './seen-url.ts'

function headers(init: HeadersInit, options: RedactOptions = {}): Record<string, string> {
  return new Redaction(options).headers(new Headers(init))
}

function query(search: string, options: RedactOptions = {}): string {
  return joinUrl(new Redaction(options).url(`http://localhost/${search}`)).slice('http://localhost/'.length)
}

function json(value: unknown, options: RedactOptions = {}): unknown {
  return new Redaction(options).json('body', value)
}

describe('headers', () => {
  test('that are known to be harmless are shown, all others are hidden', () => {
    expect(
      headers({
        Accept: '*/*',
        'User-Agent': 'test',
        'X-Request-Id': '7',
        Authorization: 'Bearer abc',
        'X-Api-Key': 'abc',
        'X-Anything': 'abc',
        Referer: 'http://localhost/?token=abc',
        'X-Forwarded-For': '10.0.0.1',
        'X-Empty': '',
      }),
    ).toEqual({
      accept: '*/*',
      'user-agent': 'test',
      'x-request-id': '7',
      authorization: REDACTED,
      'x-api-key': REDACTED,
      'x-anything': REDACTED,
      referer: REDACTED,
      'x-forwarded-for': REDACTED,
      'x-empty': '',
    })
  })

  test('may be allowed by name, in any case', () => {
    const options = { allow: { headers: ['X-ANYTHING', 'x-api-key'] } }
    expect(headers({ 'x-Anything': 'a', 'X-Api-Key': 'b', 'x-other': 'c' }, options)).toEqual({
      'x-anything': 'a',
      'x-api-key': 'b',
      'x-other': REDACTED,
    })
  })

  test('may all be allowed, but for those that sound like a secret', () => {
    const all = {
      'x-anything': 'a',
      'x-api-key': 'b',
      authorization: 'c',
      cookie: 'd=e',
      'set-cookie': 'f=g',
    }
    expect(headers(all, { allow: { headers: true } })).toEqual({
      'x-anything': 'a',
      'x-api-key': REDACTED,
      authorization: REDACTED,
      cookie: `d=${REDACTED}`,
      'set-cookie': `f=${REDACTED}`,
    })
  })

  test('that are denied are hidden, whatever else is allowed', () => {
    const options = {
      allow: { headers: ['accept', 'x-a'], cookies: true },
      deny: ['ACCEPT', 'x-A', 'Cookie'],
    } as const
    expect(headers({ accept: '*/*', 'x-a': 'a', cookie: 'theme=dark' }, options)).toEqual({
      accept: REDACTED,
      'x-a': REDACTED,
      cookie: REDACTED,
    })
  })

  test('may come several times, and have the names of what objects inherit', () => {
    expect(
      headers([
        ['accept', 'a'],
        ['accept', 'b'],
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2'],
      ]),
    ).toEqual({
      accept: 'a, b',
      'set-cookie': `a=${REDACTED}, b=${REDACTED}`,
    })
    const odd = headers({ __proto__: 'x', constructor: 'secret', 'to-string': 'x' })
    expect(odd).toEqual({ constructor: REDACTED, 'to-string': REDACTED })
    const own = headers([['__proto__', 'secret']])
    expect(Object.entries(own)).toEqual([['__proto__', REDACTED]])
  })
})

describe('cookies', () => {
  test('keep their names', () => {
    expect(headers({ cookie: 'sid=abc; theme="dark";empty=;lonely; a = b=c' })).toEqual({
      cookie: `sid=${REDACTED}; theme=${REDACTED}; empty=; ${REDACTED}; a=${REDACTED}`,
    })
  })

  test('may be allowed by name', () => {
    const options = { allow: { cookies: ['Theme', 'sid'] } }
    expect(headers({ cookie: 'sid=abc; THEME=dark; other=x' }, options)).toEqual({
      cookie: `sid=abc; THEME=dark; other=${REDACTED}`,
    })
    expect(headers({ 'set-cookie': 'theme=dark; Path=/; HttpOnly' }, options)).toEqual({
      'set-cookie': 'theme=dark',
    })
    expect(headers({ cookie: 'sid=abc; theme=dark' }, { allow: { cookies: true } })).toEqual({
      cookie: `sid=${REDACTED}; theme=dark`,
    })
  })

  test('may be allowed as a header, whole', () => {
    expect(headers({ cookie: 'sid=abc' }, { allow: { headers: ['cookie'] } })).toEqual({ cookie: 'sid=abc' })
  })
})

describe('the address', () => {
  test('shows the values of names that are known to be harmless', () => {
    expect(query('a/b?page=2&PAGE=3&q=term&token=x&empty=&lonely')).toBe(
      `a/b?page=2&PAGE=3&q=${REDACTED}&token=${REDACTED}&empty=&lonely=`,
    )
  })

  test('obeys what is allowed and denied', () => {
    expect(query('?Q=term&token=x&page=2', { allow: { query: ['q'] }, deny: ['Page'] })).toBe(
      `?Q=term&token=${REDACTED}&page=${REDACTED}`,
    )
    expect(query('?q=term&token=x', { allow: { query: true } })).toBe(`?q=term&token=${REDACTED}`)
  })

  test('has no credentials, and no fragment', () => {
    const redaction = new Redaction({})
    expect(joinUrl(redaction.url('https://user:pa%73s-word@localhost:1/a#secret'))).toBe(
      'https://localhost:1/a',
    )
    expect(redaction.hide('no pass-word', 'error.message')).toBe(`no ${REDACTED}`)
  })

  test('stays one with anything hidden in it', () => {
    const redaction = new Redaction({})
    redaction.headers(new Headers({ 'x-key': 'abc/def+ghi=', 'x-other': 'jkl mno&p' }))
    const url = redaction.url(
      'http://localhost/a/abc/def+ghi=/%61bc%2fdef%2Bghi%3D/b?page=jkl+mno%26p&%6Akl%20mno%26p=',
    )
    const seen = joinUrl(redaction.hide(url, 'request.url'))
    expect(seen).toBe(`http://localhost/a/${REDACTED}/${REDACTED}/b?page=${REDACTED}&${REDACTED}=`)
    expect(new URL(seen).pathname).toBe(`/a/${REDACTED}/${REDACTED}/b`)
  })
})

describe('the path', () => {
  function path(address: string): string {
    const redaction = new Redaction({})
    return new URL(joinUrl(redaction.hide(redaction.url(`http://localhost${address}`), 'request.url')))
      .pathname
  }

  test('stays as it is written if there is nothing to hide in it', () => {
    for (const same of ['/a%2Fb/%C3%BC/%FF/c', '/', '//a/']) expect(path(same)).toBe(same)
  })

  test('has nothing in it that looks like a secret, escaped or not', () => {
    expect(path('/to/postgres:%2F%2Fapp:hunter22@db%2Fapp/end')).toBe(`/to/postgres://${REDACTED}@db/app/end`)
    expect(path('/to/Bearer%20abcdefgh/end')).toBe(`/to/Bearer%20${REDACTED}`)
  })
})

describe('JSON', () => {
  test('keeps its shape, and the values of names that are known to be harmless', () => {
    expect(
      json({
        user: { name: 'Ada', age: 36, admin: true, none: null },
        page: 2,
        tags: ['a', 1, { Type: 'x' }],
        '': 'y',
      }),
    ).toEqual({
      user: { name: REDACTED, age: REDACTED, admin: true, none: null },
      page: 2,
      tags: [REDACTED, REDACTED, { Type: 'x' }],
      '': REDACTED,
    })
    expect(json('text')).toBe(REDACTED)
    expect(json([7])).toEqual([REDACTED])
    expect(json(null)).toBeNull()
    expect(json('')).toBe('')
  })

  test('shows what is allowed by name at any depth, in any case', () => {
    const options = { allow: { body: ['Name', 'password'] } }
    expect(json({ user: [{ NAME: 'Ada', password: 'x', other: 'y' }], name: ['a', ['b']] }, options)).toEqual(
      {
        user: [{ NAME: 'Ada', password: 'x', other: REDACTED }],
        name: ['a', ['b']],
      },
    )
  })

  test('shows everything if that is allowed, but what sounds like a secret', () => {
    const value = {
      a: 'b',
      password: 'c',
      tokens: ['d', { value: 'e' }],
      credentials: { user: 'f', deep: { x: 'g' } },
    }
    expect(json(value, { allow: { body: true } })).toEqual({
      a: 'b',
      password: REDACTED,
      tokens: REDACTED,
      credentials: REDACTED,
    })
  })

  test('shows nothing of an object that sounds like a secret, unless it is allowed by name', () => {
    expect(json({ secret: { type: 'a', page: 1 } })).toEqual({ secret: REDACTED })
    expect(json({ secret: { type: 'a', b: 'c' } }, { allow: { body: ['secret'] } })).toEqual({
      secret: { type: 'a', b: REDACTED },
    })
  })

  test('shows nothing of what is denied, whatever else is allowed', () => {
    const options = { allow: { body: true, query: ['page'] }, deny: ['USER', 'page'] } as const
    expect(json({ user: { name: 'Ada' }, page: 1, list: [{ User: ['x'] }], a: 'b' }, options)).toEqual({
      user: REDACTED,
      page: REDACTED,
      list: [{ User: REDACTED }],
      a: 'b',
    })
  })

  test('remembers what is inside of what it hides whole', () => {
    const redaction = new Redaction({ deny: ['user'] })
    redaction.json('body', { user: { name: 'Ada Lovelace', list: [{ id: 1234567890 }], pin: '4711' } })
    expect(redaction.hide('Ada Lovelace 1234567890 4711', 'error.message')).toBe(
      `${REDACTED} ${REDACTED} ${REDACTED}`,
    )
  })

  test('may have the names of what objects inherit', () => {
    const value = JSON.parse('{"__proto__":{"secret":"abc","page":1},"constructor":"abc","toString":"abc"}')
    const seen = new Redaction({}).hide(json(value), 'request.body.value')
    expect(JSON.stringify(seen)).toBe(
      `{"__proto__":{"secret":"${REDACTED}","page":1},"constructor":"${REDACTED}","toString":"${REDACTED}"}`,
    )
    expect(Object.getPrototypeOf(seen)).toBe(Object.prototype)
  })

  test('may be nested deeper than anybody can look', () => {
    const deep = JSON.parse(`${'{"a":['.repeat(50_000)}"deep secret"${']}'.repeat(50_000)}`)
    const redaction = new Redaction({})
    const seen = redaction.json('body', deep)
    expect(JSON.stringify(seen).length).toBeLessThan(1_000)
    expect(redaction.hide('a deep secret', 'error.message')).toBe(`a ${REDACTED}`)
  })

  test('may be wide', () => {
    const wide = Array.from({ length: 100_000 }, (_, index) => ({ [`key${index}`]: `value ${index}` }))
    const spent = cpuTime()
    const redaction = new Redaction({})
    const seen = redaction.hide(redaction.json('body', wide), 'request.body.value')
    redaction.hide('value 7 '.repeat(2_000), 'error.message')
    expect(Object.values((seen as object[])[99_999]!)).toEqual([REDACTED])
    expect(spent()).toBeLessThan(5_000)
  })
})

describe('errors', () => {
  /** By name only. */
  function fields(error: object): unknown {
    return new Redaction({}).json('error', describeThrown(Object.assign(new Error('boom'), error)).fields)
  }

  test('show of their own fields what says what went wrong', () => {
    expect(
      fields({ code: 'ECONNREFUSED', errno: -111, syscall: 'connect', port: 5432, user: 'Ada', sql: 'x' }),
    ).toEqual({
      code: 'ECONNREFUSED',
      errno: -111,
      syscall: 'connect',
      port: 5432,
      user: REDACTED,
      sql: REDACTED,
    })
  })

  test('show nothing of the data inside of those', () => {
    const data = {
      name: 'Ada',
      address: '1 Main Street',
      message: 'private',
      path: '/a?token=b',
      status: 'ok',
    }
    expect(fields({ response: { status: 400, data: [data] } })).toEqual({
      response: {
        status: 400,
        data: [{ name: REDACTED, address: REDACTED, message: REDACTED, path: REDACTED, status: 'ok' }],
      },
    })
  })

  test('show the errors inside of those as errors', () => {
    const error = Object.assign(new TypeError('inner'), { code: 'E', user: { name: 'Ada' } })
    expect(fields({ reasons: [{ error }] })).toMatchObject({
      reasons: [
        { error: { name: 'TypeError', message: 'inner', fields: { code: 'E', user: { name: REDACTED } } } },
      ],
    })
  })

  test('obey what is allowed and denied', () => {
    const redaction = new Redaction({ allow: { error: ['Sql', 'name'] }, deny: ['code'] })
    expect(redaction.json('error', { sql: 'SELECT 1', code: 'X', user: { name: 'Ada', id: 'y' } })).toEqual({
      sql: 'SELECT 1',
      code: REDACTED,
      user: { name: 'Ada', id: REDACTED },
    })
  })
})

describe('a value that is hidden by name', () => {
  /** What becomes of a message in a report with this request. */
  function told(message: string, init: HeadersInit, search = '', body: unknown = {}): string {
    const redaction = new Redaction({})
    redaction.headers(new Headers(init))
    redaction.url(`http://localhost/${search}`)
    redaction.json('body', body)
    return redaction.hide(message, 'error.message')
  }

  test.each<[string, HeadersInit, string, unknown, string]>([
    ['a header', { 'x-anything': 'abcdefgh' }, '', {}, 'abcdefgh'],
    ['a list in a header', { 'x-forwarded-for': '10.1.2.3, 203.0.113.7,::1' }, '', {}, '203.0.113.7'],
    ['a header, without its scheme', { authorization: 'Custom abc def-gh' }, '', {}, 'abc def-gh'],
    [
      'the password of basic credentials',
      { authorization: `Basic ${btoa('ada:a:b:c:d')}` },
      '',
      {},
      'a:b:c:d',
    ],
    ['the user of basic credentials', { authorization: `basic ${btoa('lovelace:x')}` }, '', {}, 'lovelace'],
    [
      'basic credentials in UTF-8',
      { authorization: `Basic ${Buffer.from('a:pässwört').toString('base64')}` },
      '',
      {},
      'pässwört',
    ],
    ['a cookie', { cookie: 'a=b; c=abcdefgh' }, '', {}, 'abcdefgh'],
    ['a cookie in quotes', { cookie: 'c="abcdefgh"' }, '', {}, 'abcdefgh'],
    ['a cookie that is escaped', { cookie: 'c=abc%20d%C3%A4fg' }, '', {}, 'abc däfg'],
    ['a cookie of a response', { 'set-cookie': 'sid=abcd; Path=/abcdefgh' }, '', {}, 'abcd'],
    ['the query', {}, '?a=abc%20d%26f%67h', {}, 'abc d&fgh'],
    ['JSON', {}, '', { a: [{ b: 'abcdefgh' }] }, 'abcdefgh'],
    ['JSON, a number', {}, '', { card: 4111111111111112 }, '4111111111111112'],
    ['a short value, if its name says secret', {}, '', { password: 'hunt' }, 'hunt'],
  ])('is hidden in all other texts: of %s', (_, init, search, body, secret) => {
    expect(told(`before ${secret} after`, init, search, body)).toBe(`before ${REDACTED} after`)
    expect(told(`at /a?b=${encodeURIComponent(secret)}`, init, search, body)).toBe(`at /a?b=${REDACTED}`)
    expect(told(JSON.stringify({ x: secret }), init, search, body)).toBe(`{"x":"${REDACTED}"}`)
  })

  test('is not if it is short, or was shown', () => {
    expect(told('a short one', { 'x-a': 'short', accept: 'a short one' })).toBe('a short one')
  })

  test('is hidden as a number, too', () => {
    const redaction = new Redaction({})
    redaction.json('body', { card: 4111111111111112 })
    expect(redaction.hide({ message: '', fields: { status: 4111111111111112 } }, 'error')).toEqual({
      message: '',
      fields: { status: REDACTED },
    })
  })

  test('is hidden in names as well, where they come from outside', () => {
    const redaction = new Redaction({})
    redaction.json('body', { id: 'abcdefgh' })
    expect(redaction.hide({ 'x-abcdefgh': '1' }, 'request.headers')).toEqual({ [`x-${REDACTED}`]: '1' })
    expect(redaction.hide({ fields: { by: { abcdefgh: 1 } } }, 'error')).toEqual({
      fields: { by: { [REDACTED]: 1 } },
    })
  })

  test('leaves the report its own names, and what says of which kind a body is', () => {
    const redaction = new Redaction({})
    const names = [
      'kind',
      'json',
      'form',
      'multipart',
      'opaque',
      'bytes',
      'complete',
      'fields',
      'value',
      'name',
      'file',
    ]
    const more = [
      'message',
      'stack',
      'cause',
      'errors',
      'status',
      'headers',
      'text',
      'type',
      'sha256',
      'abcd',
    ]
    redaction.json('body', { passwords: [...names, ...more] })
    const bodies = [
      {
        kind: 'multipart',
        bytes: 1,
        complete: true,
        fields: [{ name: 'a', value: 'b', file: { type: 'c', bytes: 1 } }],
      },
      { kind: 'json', bytes: 1, complete: true, value: [{ a: 1 }] },
      { kind: 'text', bytes: 1, complete: true, text: 'a' },
      { kind: 'opaque', bytes: 1, complete: true, sha256: 'abcd' },
    ]
    for (const body of bodies) expect(redaction.hide(body, 'request.body')).toEqual(body)
    const error = {
      name: 'E',
      message: 'm',
      stack: 's',
      cause: { name: 'E', message: '' },
      errors: [{ name: '', message: '' }],
    }
    expect(redaction.hide(error, 'error')).toEqual(error)
    expect(redaction.hide({ status: 1, headers: { a: 'b' } }, 'response')).toEqual({
      status: 1,
      headers: { a: 'b' },
    })
  })
})

describe('replace()', () => {
  const body = { kind: 'json', bytes: 9, complete: true, value: { user: [{ page: 'two' }], other: REDACTED } }

  test('has the last word on each text, and is told where it stands', () => {
    const seen: [string, string][] = []
    const redaction = new Redaction({
      replace: (text, path) => [seen.push([path, text]), text.toUpperCase()][1] as string,
    })
    redaction.headers(new Headers({ 'x-key': 'abcdefgh' }))
    expect(redaction.hide({ accept: 'no abcdefgh' }, 'request.headers')).toEqual({ accept: 'NO [REDACTED]' })
    expect(redaction.hide(body, 'request.body')).toEqual({
      ...body,
      value: { user: [{ page: 'TWO' }], other: REDACTED },
    })
    expect(
      redaction.hide({ name: 'Error', message: 'm', cause: { name: 'E', message: '' } }, 'error'),
    ).toEqual({
      name: 'ERROR',
      message: 'M',
      cause: { name: 'E', message: '' },
    })
    const url = redaction.url('http://localhost/a/b?page=x&y=z')
    expect(redaction.hide(url, 'request.url')).toEqual({
      origin: 'HTTP://LOCALHOST',
      path: ['', 'A', 'B'],
      query: [
        ['page', 'X'],
        ['y', REDACTED],
      ],
    })
    expect(seen).toEqual([
      ['request.headers.accept', `no ${REDACTED}`],
      ['request.body.value.user.0.page', 'two'],
      ['error.name', 'Error'],
      ['error.message', 'm'],
      ['error.cause.name', 'E'],
      ['error.cause.message', ''],
      ['request.url.path', '/a/b'],
      ['request.url.origin', 'http://localhost'],
      ['request.url.query.page', 'x'],
    ])
  })

  test('may bring back what was hidden, for that is its own affair', () => {
    expect(new Redaction({ replace: () => 'anything' }).hide('Bearer abcdefgh', 'error.message')).toBe(
      'anything',
    )
  })

  test.each([[undefined], [null], [7], [{}], [Promise.resolve('late')]])(
    'that gives no text fails: %s',
    (given) => {
      const redaction = new Redaction({ replace: () => given as never })
      expect(() => redaction.hide({ a: 'b' }, 'request.headers')).toThrow(/^redact\.replace gave no string: /)
    },
  )

  test('that throws fails', () => {
    const redaction = new Redaction({
      replace: () => {
        throw new RangeError('replace')
      },
    })
    expect(() => redaction.hide('a', 'error.message')).toThrow(new RangeError('replace'))
  })
})

test('what is hidden is frozen', () => {
  const seen = new Redaction({}).hide({ name: 'a', message: '', fields: { b: [{ c: 1 }] } }, 'error')
  for (const each of [seen, seen.fields, seen.fields.b, seen.fields.b[0]])
    expect(Object.isFrozen(each)).toBe(true)
})

test('long texts are cut once they are redacted', () => {
  const redaction = new Redaction({})
  redaction.json('body', { token: 'my secret phrase' })
  const seen = redaction.hide(
    `${'long '.repeat(3_270)}my secret phrase and more ${'words '.repeat(9)}`,
    'error.message',
  )
  expect(seen.length).toBeLessThan(16_500)
  expect(seen).not.toContain('my')
})

test('lone surrogates are no trouble anywhere', () => {
  const redaction = new Redaction({})
  const value = 'half \ud800 a pair'
  const seen = redaction.json('body', { a: value, [value]: 'x' })
  expect(redaction.hide(seen, 'request.body.value')).toEqual({ a: REDACTED, [value]: REDACTED })
  expect(redaction.hide(`no ${value}`, 'error.message')).toBe(`no ${REDACTED}`)
  expect(
    joinUrl(redaction.hide({ origin: 'http://h', path: ['', '\udc00'], query: [] }, 'request.url')),
  ).toBe('http://h/%EF%BF%BD')
})
