import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { curfew, failure, fileOf, listen, makeReport } from '../test/support.ts'

const ID = ['--id', '6f1c']

const order = {
  method: 'POST',
  url: 'https://shop.example/orders/42?page=2&token=[redacted]',
  headers: {
    host: 'shop.example',
    'content-type': 'application/json',
    authorization: '[redacted]',
    cookie: 'session=[redacted]; theme=dark',
    'x-request-id': 'req-1',
    'accept-encoding': 'br',
    'content-length': '999',
    connection: 'keep-alive',
    'user-agent': 'check/1.0',
  },
  body: {
    kind: 'json',
    bytes: 999,
    complete: true,
    value: { items: null, user: { name: 'ada', password: '[redacted]' } },
  },
}

const values = [
  '--set',
  'query.token=t',
  '--set',
  'header.authorization=Bearer abc',
  '--set',
  'cookie.session=s1',
  '--set',
  'body.user.password=pass word',
]

test('the request arrives as it was captured, with what was given for it', async () => {
  const { origin, received } = await listen(failure)
  const { code, out, err } = await curfew([
    'replay',
    fileOf(makeReport({ request: order })),
    ...ID,
    '--to',
    `${origin}/base`,
    ...values,
  ])
  expect([code, err]).toEqual([0, ''])
  expect(received).toHaveLength(1)
  expect(received[0]).toMatchObject({ method: 'POST', url: '/base/orders/42?page=2&token=t' })
  const body = '{"items":null,"user":{"name":"ada","password":"pass word"}}'
  expect(received[0]!.body.toString()).toBe(body)
  expect(received[0]!.headers).toEqual({
    host: new URL(origin).host,
    'content-type': 'application/json',
    authorization: 'Bearer abc',
    cookie: 'session=s1; theme=dark',
    'user-agent': 'check/1.0',
    'content-length': String(body.length),
    connection: 'close',
  })
  expect(
    out.replace(/\d+(\.\d+)? m?s\n/, 'TIME\n').replace(origin, 'ORIGIN'),
  ).toBe(`POST ORIGIN/base/orders/42?page=2&token=t

              then                      now
status        500                       500
content-type  application/problem+json  application/problem+json
code          -                         HANDLER_FAILED
time          12.3 ms                   TIME

the same
`)
})

test('nothing is sent as long as a value is missing, and each is listed with the options that would help', async () => {
  const { origin, received } = await listen()
  const file = fileOf(makeReport({ request: order }))
  const { code, out, err } = await curfew(['replay', file, ...ID, '--to', origin, '--set', 'query.token=t'])
  expect([code, out, received]).toEqual([5, '', []])
  expect(
    err,
  ).toBe(`Cannot send the request of report 6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01: 3 values are missing
  header.authorization: redacted
    --set header.authorization=VALUE  or  --drop header.authorization
  cookie.session: redacted
    --set cookie.session=VALUE  or  --drop cookie.session
  body.user.password: redacted
    --set body.user.password=VALUE  or  --drop body.user.password
`)
  const dry = await curfew(['replay', file, ...ID, '--to', origin, '--dry-run', '--json'])
  expect(dry.code).toBe(5)
  expect(JSON.parse(dry.out)).toMatchObject({
    report: '6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01',
    verdict: 'refused',
    missing: [
      { name: 'query.token', reason: 'redacted', set: '--set query.token=VALUE', drop: '--drop query.token' },
      {},
      {},
      {},
    ],
  })
  expect(received).toEqual([])
})

test('what is left out explicitly is not missing', async () => {
  const { origin, received } = await listen(failure)
  const drops = ['header.authorization', 'header.cookie', 'query.token', 'body.user.password'].flatMap(
    (name) => ['--drop', name],
  )
  expect(
    await curfew(['replay', fileOf(makeReport({ request: order })), ...ID, '--to', origin, ...drops]),
  ).toMatchObject({ code: 0 })
  expect(received[0]).toMatchObject({ url: '/orders/42?page=2' })
  expect(Object.keys(received[0]!.headers).sort()).toEqual([
    'connection',
    'content-length',
    'content-type',
    'host',
    'user-agent',
  ])
  expect(received[0]!.body.toString()).toBe('{"items":null,"user":{"name":"ada"}}')
})

test('--dry-run prints what would be sent, and sends nothing', async () => {
  const { origin, received } = await listen()
  const file = fileOf(makeReport({ request: order }))
  expect(await curfew(['replay', file, ...ID, '--to', origin, '--dry-run', ...values])).toEqual({
    code: 0,
    err: '',
    out: `POST ${origin}/orders/42?page=2&token=t
content-type: application/json
authorization: Bearer abc
cookie: session=s1; theme=dark
user-agent: check/1.0

{"items":null,"user":{"name":"ada","password":"pass word"}}
`,
  })
  const { out } = await curfew(['replay', file, ...ID, '--to', origin, '--dry-run', '--json', ...values])
  expect(JSON.parse(out)).toEqual({
    report: '6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01',
    verdict: 'dry-run',
    request: {
      method: 'POST',
      url: `${origin}/orders/42?page=2&token=t`,
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer abc',
        cookie: 'session=s1; theme=dark',
        'user-agent': 'check/1.0',
      },
      body: '{"items":null,"user":{"name":"ada","password":"pass word"}}',
    },
  })
  expect(received).toEqual([])
})

test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE'])(
  '%s is sent as such, with its body and without',
  async (method) => {
    const { origin, received } = await listen(failure)
    const body = { kind: 'text', bytes: 4, complete: true, text: 'body' }
    for (const request of [{ method }, { method, body }]) {
      expect(await curfew(['replay', fileOf(makeReport({ request })), ...ID, '--to', origin])).toMatchObject({
        code: 0,
      })
    }
    expect(received.map((each) => [each.method, each.body.toString()])).toEqual([
      [method, ''],
      [method, 'body'],
    ])
  },
)

test('bytes of Latin-1 in a header arrive as these bytes', async () => {
  const { origin, received } = await listen(failure)
  await curfew([
    'replay',
    fileOf(makeReport({ request: { headers: { 'x-name': 'Zo\u00eb' } } })),
    ...ID,
    '--to',
    origin,
  ])
  expect(received[0]!.headers['x-name']).toBe('Zo\u00eb')
})

describe('the verdict', () => {
  async function against(listener: Parameters<typeof listen>[0], report: object = {}) {
    const { origin } = await listen(listener)
    const { code, out, err } = await curfew([
      'replay',
      fileOf(makeReport({ ...report })),
      ...ID,
      '--to',
      origin,
      '--json',
    ])
    expect(err).toBe('')
    const { verdict, comparison, elapsedMs } = JSON.parse(out)
    expect(elapsedMs).toEqual({ before: 12.34, now: expect.any(Number) })
    return {
      code,
      verdict,
      rows: comparison.map(({ name, before, now, same }: Record<string, unknown>) => [
        name,
        before,
        now,
        same,
      ]),
    }
  }

  test('is different for another status', async () => {
    const { code, verdict, rows } = await against((_, response) => response.end())
    expect([code, verdict]).toEqual([1, 'different'])
    expect(rows.slice(0, 2)).toEqual([
      ['status', '500', '200', false],
      ['content-type', 'application/problem+json', undefined, false],
    ])
  })

  test('is different for another content type, but not for another way to write it', async () => {
    const typed =
      (type: string): Parameters<typeof listen>[0] =>
      (_, response) =>
        response.writeHead(500, { 'content-type': type }).end()
    const report = { response: { status: 500, headers: { 'Content-Type': 'text/html; charset=UTF-8' } } }
    expect(await against(typed('text/plain'), report)).toMatchObject({ code: 1 })
    expect(await against(typed('Text/HTML;charset=utf-8'), report)).toMatchObject({
      code: 0,
      verdict: 'same',
    })
  })

  test('knows no headers where the report has none, or has them redacted', async () => {
    expect(
      await against((_, response) => response.writeHead(500).end(), { response: undefined }),
    ).toMatchObject({ code: 0 })
    const report = { response: { status: 302, headers: { location: '/x?t=[redacted]' } } }
    const { code, rows } = await against(
      (_, response) => response.writeHead(302, { location: '/y' }).end(),
      report,
    )
    expect(code).toBe(0)
    expect(rows[1]).toEqual(['location', '/x?t=[redacted]', '/y', undefined])
  })

  test('follows no redirect, and compares where it leads apart from the origin', async () => {
    const other = await listen()
    const report = { response: { status: 302, headers: { location: 'http://shop.example/login' } } }
    const own: Parameters<typeof listen>[0] = (request, response) =>
      response.writeHead(302, { location: `http://${request.headers.host}/login` }).end()
    expect(await against(own, report)).toMatchObject({ code: 0 })
    expect(
      await against(
        (_, response) => response.writeHead(302, { location: `${other.origin}/login` }).end(),
        report,
      ),
    ).toMatchObject({ code: 1 })
    expect(other.received).toEqual([])
  })

  test('is different where the client had left and now there is an answer', async () => {
    const report = {
      response: undefined,
      kind: 'abandoned',
      outcome: { kind: 'client-closed', status: 499, phase: 'handling' },
    }
    const { code, rows } = await against((_, response) => response.end(), report)
    expect(code).toBe(1)
    expect(rows[0]).toEqual(['status', '499, never sent: the client had left', '200', false])
  })

  test.each([
    ['{"code":"\\u001b[2J"}', '\u001b[2J'],
    ['{"code":5}', undefined],
    ['[]', undefined],
    ['null', undefined],
    ['nonsense', undefined],
    ['', undefined],
    ['{"__proto__":{"code":"x"}}', undefined],
  ])('with the body %j says the code %j', async (body, code) => {
    const { rows } = await against((_, response) =>
      response.writeHead(500, { 'content-type': 'application/problem+json' }).end(body),
    )
    const row = rows.find(([name]: string[]) => name === 'code')
    expect(row?.[2]).toBe(code)
  })

  test('needs no more than the head, however long the body goes on', async () => {
    const endless: Parameters<typeof listen>[0] = (_, response) => {
      response.writeHead(500, { 'content-type': 'text/event-stream' })
      response.write('data: x\n\n')
    }
    expect(await against(endless)).toMatchObject({ code: 1, verdict: 'different' })
    let poured = 0
    const flood: Parameters<typeof listen>[0] = (_, response) => {
      response.writeHead(500, { 'content-type': 'application/problem+json' })
      const pour = (): void => {
        do poured += 65_536
        while (!response.destroyed && response.write('['.repeat(65_536)))
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    }
    expect(await against(flood)).toMatchObject({ code: 0, verdict: 'same' })
    expect(poured).toBeLessThan(64 * 1024 * 1024)
  })

  test('stays when the body breaks off', async () => {
    const broken: Parameters<typeof listen>[0] = (_, response) => {
      response.writeHead(500, { 'content-type': 'application/problem+json' })
      response.write('{"code":', () => response.destroy())
    }
    expect(await against(broken)).toMatchObject({ code: 0, verdict: 'same' })
  })
})

test('what comes back is harmless in a terminal', async () => {
  const { origin } = await listen((_, response) => {
    response.writeHead(500, { 'content-type': 'application/problem+json', location: '/\u009b2J' })
    response.end('{"code":"\\u001b[2J\\n\\u202e"}')
  })
  const { out } = await curfew(['replay', fileOf(makeReport()), ...ID, '--to', origin])
  expect(out).toMatch(/^[\x20-\x7e\n]*$/)
})

describe('no answer', () => {
  test('from where nobody listens is exit code 6', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const argv = ['replay', fileOf(makeReport()), ...ID, '--to', `http://127.0.0.1:${port}`]
    expect(await curfew(argv)).toEqual({
      code: 6,
      out: '',
      err: `No answer: connect ECONNREFUSED 127.0.0.1:${port}\n`,
    })
    const { code, out, err } = await curfew([...argv, '--json'])
    expect([code, err]).toEqual([6, ''])
    expect(JSON.parse(out)).toMatchObject({ verdict: 'no-answer', error: { reason: 'ECONNREFUSED' } })
  })

  test.each([
    ['closes the connection', '', 'ECONNRESET'],
    [
      'changes to another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      'ERROR',
    ],
    ['does not speak HTTP', 'SSH-2.0-x\r\n\r\n', 'HPE_INVALID_CONSTANT'],
  ])('from who %s is exit code 6', async (_, words, reason) => {
    const server = createServer((socket) =>
      socket.once('data', () => socket.end(words)).on('error', () => {}),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, out } = await curfew(['replay', fileOf(makeReport()), ...ID, '--to', to, '--json'])
    expect(code).toBe(6)
    expect(JSON.parse(out).error.reason).toBe(reason)
  })

  test('in time is exit code 6', async () => {
    const { origin } = await listen(() => {})
    const { code, err } = await curfew([
      'replay',
      fileOf(makeReport()),
      ...ID,
      '--to',
      origin,
      '--timeout',
      '50',
    ])
    expect([code, err]).toEqual([6, 'No answer: none within 50 ms\n'])
  })
})

test('an id that none has, a request that is none, and options that are wrong are told', async () => {
  const file = fileOf(
    makeReport({ request: { url: 'gopher://x\u001b' } }),
    makeReport({ id: 'bad', request: { method: 'G\r\nET' } }),
  )
  const to = ['--to', 'http://127.0.0.1:9']
  expect(await curfew(['replay', file, '--id', 'zz', ...to])).toMatchObject({
    code: 4,
    err: 'No report has id: zz\n',
  })
  expect(await curfew(['replay', file, ...ID, ...to])).toEqual({
    code: 5,
    out: '',
    err: 'Cannot send the request, for its URL is no valid one: gopher://x\\x1b\n',
  })
  expect(await curfew(['replay', file, '--id', 'bad', ...to])).toEqual({
    code: 5,
    out: '',
    err: 'Cannot send the request, for its method is no valid one: G\\r\\nET\n',
  })
  expect(await curfew(['replay', file, ...ID, '--to', 'ftp://x'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Invalid option --to: expected an http: or https: URL'),
  })
  expect(await curfew(['replay', file, ...ID, ...to, '--set', 'nonsense'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Invalid option --set'),
  })
  for (const timeout of ['0', '-1', 'x', '1.5', '2147483648']) {
    expect(await curfew(['replay', file, ...ID, ...to, '--timeout', timeout])).toMatchObject({ code: 2 })
  }
})

test('a bad line elsewhere in the file is told, and the verdict stays', async () => {
  const { origin } = await listen(failure)
  const { code, err } = await curfew(['replay', fileOf('nonsense', makeReport()), ...ID, '--to', origin])
  expect(code).toBe(0)
  expect(err).toContain(':1: ')
})

test('a report from stdin can be replayed, and the newest of an id is', async () => {
  const { origin, received } = await listen(failure)
  const input = [makeReport(), makeReport({ kind: 'late', request: { url: 'http://a.example/newer' } })]
    .map((each) => JSON.stringify(each))
    .join('\n')
  expect(await curfew(['replay', '-', ...ID, '--to', origin], { input })).toMatchObject({ code: 0 })
  expect(received[0]!.url).toBe('/newer')
})
