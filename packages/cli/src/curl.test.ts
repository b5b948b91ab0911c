import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { curfew, fileOf, listen, makeReport, temporary } from '../test/support.ts'

const ID = ['--id', '6f1c']
const execute = promisify(execFile)

/** What arrives when the printed line is given to a shell. Fails where there is no curl. */
async function ran(request: object, ...options: string[]) {
  const { origin, received } = await listen((_, response) => response.writeHead(204).end())
  const { code, out, err } = await curfew([
    'curl',
    fileOf(makeReport({ request })),
    ...ID,
    '--to',
    origin,
    ...options,
  ])
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^[\P{C}\u200c\u200d]*\n$/u)
  const shell = execute('/bin/sh', [], { env: { PATH: process.env.PATH, HOME: temporary() } })
  // As a script, for the line may be longer than an argument may be.
  shell.child.stdin!.end(out)
  const { stdout } = await shell
  expect(stdout).toMatch(/^HTTP\/1.1 204 /)
  expect(received).toHaveLength(1)
  const { method, url, headers, body } = received[0]!
  const { host, 'content-length': _, ...rest } = headers
  expect(host).toBe(new URL(origin).host)
  return { method, url, headers: rest, body }
}

const text = (value: string) => ({ kind: 'text', bytes: 1, complete: true, text: value })

const EVERY_BYTE = String.fromCharCode(...Array.from({ length: 256 }, (_, index) => index))

describe('the printed line, run by a shell,', () => {
  test('sends the request as it was captured, with what was given for it', async () => {
    const request = {
      method: 'POST',
      url: "https://shop.example/it's/$(id)/{a,b}[1-3]?q='\"$HOME`x`&t=[redacted]#x",
      headers: {
        'content-type': 'application/json',
        authorization: '[redacted]',
        cookie: 'a=\'1\'; b="2"; c=[redacted]',
        'x-empty': '',
        'x-dollar': '$HOME `id` \\ !x',
      },
      body: {
        kind: 'json',
        bytes: 1,
        complete: true,
        value: { "it's": '$HOME "x" \\n \u001b\u0000\n%s@', pin: '[redacted]' },
      },
    }
    const values = ["query.t='", "header.authorization=Bearer '$x'", 'cookie.c=3', 'body.pin:=42'].flatMap(
      (each) => ['--set', each],
    )
    const { method, url, headers, body } = await ran(request, ...values)
    expect([method, url]).toEqual(['POST', "/it's/$(id)/%7Ba,b%7D[1-3]?q=%27%22$HOME`x`&t=%27"])
    expect(headers).toEqual({
      'content-type': 'application/json',
      authorization: "Bearer '$x'",
      cookie: 'a=\'1\'; b="2"; c=3',
      'x-empty': '',
      'x-dollar': '$HOME `id` \\ !x',
    })
    expect(JSON.parse(body.toString())).toEqual({ "it's": '$HOME "x" \\n \u001b\u0000\n%s@', pin: 42 })
  })

  test('sends no header that was not there', async () => {
    expect((await ran({ method: 'GET' })).headers).toEqual({})
    expect((await ran({ method: 'POST', body: text('x') })).headers).toEqual({})
  })

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'sends %s',
    async (method) => {
      expect(await ran({ method })).toMatchObject({ method, body: Buffer.of() })
      if (method === 'HEAD') return
      expect(await ran({ method, body: text('x') })).toMatchObject({ method, body: Buffer.from('x') })
    },
  )

  test.each([
    ['nothing', ''],
    ['an at sign at the beginning, which is no file', '@/etc/passwd'],
    ['ends of lines', '\n a \r\n\n'],
    ['every character of Latin-1', EVERY_BYTE],
    ['escapes of terminals and overrides of the direction', '\u001b[2J\u202e\u009b'],
    ['other scripts', 'Zoë 東京 👩‍👩‍👧'],
    ['one line that does not fit into an argument', 'x'.repeat(200_000)],
    ['lines that do not, either', 'x\n'.repeat(100_000)],
  ])('sends a body of %s', async (_, value) => {
    expect((await ran({ method: 'POST', body: text(value) })).body.toString()).toBe(value)
  })

  test('sends headers with bytes of Latin-1 as these bytes', async () => {
    const value = EVERY_BYTE.slice(0x21, 0x7f) + EVERY_BYTE.slice(0xa0)
    expect((await ran({ headers: { 'x-bytes': value } })).headers).toEqual({ 'x-bytes': value })
  })

  test('sends a form with its files', async () => {
    const path = join(temporary(), "it's a cat")
    const bytes = Buffer.from(EVERY_BYTE, 'latin1')
    writeFileSync(path, bytes)
    const fields = [
      { name: 'a', value: "'1'" },
      { name: 'pic', value: 'cat.png', file: { type: 'image/png', bytes: 1 } },
    ]
    const request = { method: 'POST', body: { kind: 'multipart', bytes: 1, complete: true, fields } }
    const { headers, body } = await ran(request, '--set', `body.pic=@${path}`)
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type']! },
    }).formData()
    expect(form.get('a')).toBe("'1'")
    expect(Buffer.from(await (form.get('pic') as File).arrayBuffer())).toEqual(bytes)
  })

  test('sends the file that was given for the body', async () => {
    const path = join(temporary(), "it's;type=x")
    const bytes = Buffer.from(EVERY_BYTE, 'latin1')
    writeFileSync(path, bytes)
    const request = { method: 'PUT', body: { kind: 'opaque', bytes: 1, complete: true, sha256: 'ab' } }
    expect((await ran(request, '--set', `body=@${path}`)).body).toEqual(bytes)
  })
})

test('missing values are placeholders that are seen, told on stderr and by the exit code', async () => {
  const request = {
    method: 'POST',
    url: 'http://shop.example/?t=[redacted]',
    headers: { authorization: 'Bearer [redacted]', 'x-evil': 'a\r\nX-Evil: 1' },
    body: { kind: 'opaque', bytes: 1, complete: true, sha256: 'ab' },
  }
  const { code, out, err } = await curfew(['curl', fileOf(makeReport({ request })), ...ID])
  expect(code).toBe(5)
  expect(out).toBe(
    "curl --include --globoff -X POST 'http://shop.example/?t=[redacted]' -H 'authorization: Bearer [redacted]' -H accept: -H user-agent: -H content-type: -H expect: --data-raw '[missing]'\n",
  )
  expect(err).toContain(
    'warning: values are missing, so this is not the same request:\n  query.t: redacted\n    --set query.t=VALUE  or  --drop query.t\n',
  )
  const { out: json } = await curfew(['curl', fileOf(makeReport({ request })), ...ID, '--json'])
  expect(JSON.parse(json)).toMatchObject({
    report: '6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01',
    command: out.trimEnd(),
    missing: [
      { name: 'query.t' },
      { name: 'header.authorization' },
      { name: 'header.x-evil', reason: 'not allowed in a header' },
      { name: 'body', reason: 'opaque' },
    ],
  })
})

test('curl sends no body with HEAD, which is told', async () => {
  const { code, out, err } = await curfew([
    'curl',
    fileOf(makeReport({ request: { method: 'HEAD', body: text('x') } })),
    ...ID,
  ])
  expect(code).toBe(5)
  expect(out).toMatch(/^curl --include --globoff --head /)
  expect(err).toContain('--drop body')
})

test('without --to it goes where it went, without what is secret in the URL', async () => {
  const { code, out } = await curfew([
    'curl',
    fileOf(makeReport({ request: { url: 'https://u:p@shop.example:8443/a#x' } })),
    ...ID,
  ])
  expect(code).toBe(0)
  expect(out).toContain(' https://shop.example:8443/a ')
  expect(
    await curfew(['curl', fileOf(makeReport({ request: { url: 'file:///etc/passwd' } })), ...ID]),
  ).toMatchObject({ code: 5, out: '' })
})

test('no report can add an option or a command to the line', async () => {
  const evil = "'; exit 9; '\n$(id) -o here @x"
  const request = {
    method: 'GET',
    url: `http://a.example/${evil}`,
    headers: { 'x-a': evil.replace('\n', ''), [evil]: '1' },
    body: { kind: 'form', bytes: 1, complete: true, fields: [{ name: evil, value: evil }] },
  }
  const { out } = await curfew(['curl', fileOf(makeReport({ request })), ...ID])
  const { stdout } = await execute('/bin/sh', ['-c', `curl() { printf '<%s>\\n' "$@"; }; ${out}`])
  const words = stdout.trimEnd().split('\n')
  expect(words.filter((word) => !word.startsWith('<'))).toEqual([])
  expect(words.map((word) => word.slice(1, 3)).filter((word) => word.startsWith('-'))).toEqual([
    '--',
    '--',
    '-X',
    '-H',
    '-H',
    '-H',
    '-H',
    '-H',
    '--',
  ])
})

test('no report can make curl read a file: what is no name of a header is not in the line', async () => {
  const headers = { '@/etc/passwd': 'x', '@': ' /etc/passwd', 'x-kept': 'yes' }
  const { code, out, err } = await curfew(['curl', fileOf(makeReport({ request: { headers } })), ...ID])
  expect(code).toBe(5)
  expect(out).toContain("'x-kept: yes'")
  expect(out).not.toContain('@')
  expect(err).toContain('no name of a header')
})

test('a place that no option can name is missing, and no mistake of this program', async () => {
  const fields = [{ name: 'a\0b', value: 'cat.png', file: { type: 'image/png', bytes: 1 } }]
  const request = { method: 'POST', body: { kind: 'multipart', bytes: 1, complete: true, fields } }
  const { code, err } = await curfew(['curl', fileOf(makeReport({ request })), ...ID])
  expect(code).toBe(5)
  expect(err).toContain('\n  body.a\\x00b: ')
  expect(err).not.toContain('--set')
})
