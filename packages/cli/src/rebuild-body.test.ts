import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidOptionError } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import { rebuilt } from '../test/rebuilt.ts'
import { temporary } from '../test/support.ts'

const json = (value: unknown, more: object = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: { kind: 'json', bytes: 1, complete: true, value, ...more },
})
const form = (kind: string, fields: object[], type?: string) => ({
  method: 'POST',
  headers: type ? { 'content-type': type } : {},
  body: { kind, bytes: 1, complete: true, fields },
})

describe('bodies', () => {
  test('JSON is written again, with all of its keys', async () => {
    const value = JSON.parse('{"a":[1,null,true,"é"],"__proto__":{"b":"c"}}')
    expect(await rebuilt(json(value))).toMatchObject({
      body: '{"a":[1,null,true,"é"],"__proto__":{"b":"c"}}',
      missing: [],
      headers: { 'content-type': 'application/json' },
    })
    expect(Reflect.get({}, 'b')).toBeUndefined()
  })

  test('redacted JSON can be given, as text or as JSON, or left out', async () => {
    const request = json({
      user: { name: 'ada', password: '[redacted]', pin: '[redacted]' },
      'a.b': '[redacted]',
      list: ['[redacted]', 'x'],
    })
    const { missing, options } = await rebuilt(request)
    expect(missing).toEqual([
      'body.user.password: redacted',
      'body.user.pin: redacted',
      'body.a\\.b: redacted',
      'body.list.0: redacted',
    ])
    expect(options[2]).toEqual(["--set 'body.a\\.b=VALUE'", "--drop 'body.a\\.b'"])
    const set = ['body.user.password=42', 'body.user.pin:=42', 'body.a\\.b:={"c":[]}']
    expect(await rebuilt(request, { set, drop: ['body.list.0'] })).toMatchObject({
      body: '{"user":{"name":"ada","password":"42","pin":42},"a.b":{"c":[]},"list":["x"]}',
      missing: [],
      warnings: [],
    })
    const all = await rebuilt(request, { set: ['body.user:={}', 'body.list:=[]', 'body.a\\.b=[redacted]'] })
    expect(all).toMatchObject({ body: '{"user":{},"a.b":"[redacted]","list":[]}', missing: [] })
    await expect(rebuilt(request, { set: ['body.user.pin.x=1'] })).rejects.toThrow(InvalidOptionError)
    await expect(rebuilt(json('[redacted]'), { set: ['body.x=1'] })).rejects.toThrow(InvalidOptionError)
    expect((await rebuilt(json('[redacted]'))).missing).toEqual(['body: redacted'])
  })

  test('a form is written again', async () => {
    const request = form('form', [
      { name: 'a', value: '1 &=é' },
      { name: 'password', value: '[redacted]' },
      { name: 'a', value: '2' },
    ])
    expect(await rebuilt(request)).toMatchObject({
      missing: ['body.password: redacted'],
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(await rebuilt(request, { set: ['body.password=p+w', 'body.a.b=dot'] })).toMatchObject({
      body: 'a=1+%26%3D%C3%A9&password=p%2Bw&a=2&a.b=dot',
      missing: [],
    })
    expect(await rebuilt(request, { drop: ['body.password', 'body.a'] })).toMatchObject({
      body: '',
      missing: [],
      warnings: [],
    })
  })

  test('a multipart form is written again, with its boundary; the content of a file has to be given', async () => {
    const path = join(temporary(), 'cat.png')
    writeFileSync(path, 'meow')
    const file = { name: 'pic', value: 'old.png', file: { type: 'image/png', bytes: 4 } }
    const request = form('multipart', [{ name: 'a', value: '1' }, file], 'multipart/form-data; boundary=abc')
    expect(await rebuilt(request)).toMatchObject({
      missing: ['body.pic: a file, of which the content is not captured'],
      options: [['--set body.pic=@FILE', '--drop body.pic']],
    })
    const whole = (name: string, content: string) =>
      `--abc\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--abc\r\nContent-Disposition: form-data; name="pic"; filename="${name}"\r\nContent-Type: image/png\r\n\r\n${content}\r\n--abc--\r\n`
    expect(await rebuilt(request, { set: [`body.pic=@${path}`] })).toMatchObject({
      missing: [],
      body: whole('old.png', 'meow'),
      headers: { 'content-type': 'multipart/form-data; boundary=abc' },
    })
    expect(await rebuilt(request, { set: ['body.pic=text'] })).toMatchObject({
      body: whole('old.png', 'text'),
    })
    const hidden = form(
      'multipart',
      [
        { name: 'a', value: '1' },
        { ...file, value: '[redacted]' },
      ],
      'multipart/form-data; boundary=abc',
    )
    expect(await rebuilt(hidden, { set: [`body.pic=@${path}`] })).toMatchObject({
      missing: [],
      body: whole('cat.png', 'meow'),
    })
    const noBoundary = await rebuilt(form('multipart', [{ name: 'a', value: '1' }]))
    expect(noBoundary.headers['content-type']).toMatch(/^multipart\/form-data; boundary=curfew-/)
    await expect(rebuilt(request, { set: [`body.pic=@${path}.none`] })).rejects.toThrow(InvalidOptionError)
  })

  test('text is sent as UTF-8, and its type says so', async () => {
    const text = (contentType: string, value: string) => ({
      method: 'POST',
      headers: { 'content-type': contentType, 'content-encoding': 'gzip' },
      body: { kind: 'text', bytes: 1, complete: true, text: value },
    })
    expect(await rebuilt(text('text/plain; charset=latin1', 'é'))).toMatchObject({
      body: 'é',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
    expect((await rebuilt(text('text/plain; charset="UTF-8"', 'é'))).headers).toEqual({
      'content-type': 'text/plain; charset="UTF-8"',
    })
    expect((await rebuilt(text('text/plain', 'token: [redacted]'))).missing).toEqual(['body: redacted'])
  })

  test.each([
    ['opaque', { kind: 'opaque', bytes: 9, complete: true, sha256: 'ab' }, {}, 'opaque'],
    ['incomplete', { kind: 'json', bytes: 9, complete: false, value: {} }, {}, 'incomplete'],
    ['never read', undefined, { 'content-length': '9' }, 'not captured'],
    [
      'never read, of a length that is not known',
      undefined,
      { 'Transfer-Encoding': 'chunked' },
      'not captured',
    ],
    ['never read, as HTTP/2 tells of it', undefined, { 'content-type': 'text/plain' }, 'not captured'],
  ])('a body that is %s has to be given as a whole or left out', async (_, body, headers, reason) => {
    const request = { method: 'POST', headers, body }
    expect(await rebuilt(request)).toMatchObject({
      body: undefined,
      missing: [`body: ${reason}`],
      options: [['--set body=@FILE', '--drop body']],
    })
    expect(await rebuilt(request, { set: ['body=text é'] })).toMatchObject({ body: 'text é', missing: [] })
    expect(await rebuilt(request, { drop: ['body'] })).toMatchObject({
      body: undefined,
      missing: [],
      warnings: [],
    })
    await expect(rebuilt(request, { set: ['body.a=1'] })).rejects.toThrow(InvalidOptionError)
  })

  test('one that could not be captured is missing, one that was never sent is not', async () => {
    expect((await rebuilt({ method: 'POST' }, { report: { omitted: ['request.body'] } })).missing).toEqual([
      'body: omitted',
    ])
    for (const [method, headers] of [
      ['GET', { 'content-type': 'application/json' }],
      ['POST', {}],
    ] as const) {
      expect(await rebuilt({ method, headers })).toMatchObject({ body: undefined, missing: [] })
    }
    expect(await rebuilt({ method: 'POST', headers: { 'content-length': '0' } })).toMatchObject({
      body: undefined,
      missing: [],
    })
  })

  test('one out of a file is sent as it is, compressed if it was', async () => {
    const path = join(temporary(), 'body')
    writeFileSync(path, '[redacted]')
    const headers = { 'content-type': 'application/json; charset=latin1', 'content-encoding': 'gzip' }
    const request = {
      method: 'POST',
      headers,
      body: { kind: 'opaque', bytes: 1, complete: true, sha256: 'ab' },
    }
    expect(await rebuilt(request, { set: [`body=@${path}`] })).toMatchObject({
      body: '[redacted]',
      headers,
      missing: [],
    })
    await expect(rebuilt(request, { set: [`body=@${path}.none`] })).rejects.toThrow(/ENOENT/)
  })

  test('thousands of missing values are told without taking for ever', async () => {
    const value = Array.from({ length: 20_000 }, () => '[redacted]')
    expect((await rebuilt(json(value))).missing).toHaveLength(20_000)
  })
})
