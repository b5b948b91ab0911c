import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { describeBody } from './describe-body.ts'
import type { ReportedBody, ReportedField } from './report.ts'

/** What is said of a body of which all has been read and kept, unless it says otherwise. */
function described(
  content: string | Uint8Array<ArrayBuffer>,
  type: string,
  { bytes, ended = true, anyText = false }: { bytes?: number; ended?: boolean; anyText?: boolean } = {},
): Promise<ReportedBody> {
  const kept = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return describeBody({ bytes: bytes ?? kept.byteLength, ended, kept: () => kept }, type, anyText)
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function utf16(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'utf16le'))
}

describe('JSON', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    ' Application/JSON ;charset=latin1',
    'text/json',
    'application/problem+json',
    'application/vnd.api.v2+json',
    'application/ld+json;profile="a;b"',
    'model/gltf+json',
  ])('is told by its content type: %s', async (type) => {
    expect(await described('{"a":[1]}', type)).toEqual({
      kind: 'json',
      bytes: 9,
      complete: true,
      value: { a: [1] },
    })
  })

  test.each(['application/jsonp', 'application/x-ndjson', 'json', 'application/json-seq', ''])(
    'is not told by %j',
    async (type) => {
      expect(await described('{"a":1}', type)).toMatchObject({ kind: 'opaque' })
    },
  )

  test.each(['null', 'false', '0', '""', '[]'])('may be as little as %s', async (json) => {
    expect(await described(json, 'application/json')).toMatchObject({ kind: 'json', value: JSON.parse(json) })
  })

  test('may begin with a byte order mark', async () => {
    expect(await described('\ufeff{"a":1}', 'application/json')).toMatchObject({
      kind: 'json',
      value: { a: 1 },
    })
  })

  test('may have the names of what objects inherit', async () => {
    const body = await described('{"__proto__":{"a":1},"constructor":2}', 'application/json')
    expect(JSON.stringify(body)).toContain('{"__proto__":{"a":1},"constructor":2}')
    expect(Object.getPrototypeOf((body as { value: object }).value)).toBe(Object.prototype)
  })

  test('that does not parse is opaque, or text where any text may be seen', async () => {
    expect(await described('{"a":', 'application/json')).toEqual({
      kind: 'opaque',
      bytes: 5,
      complete: true,
      sha256: sha256('{"a":'),
    })
    expect(await described('{"a":', 'application/json', { anyText: true })).toMatchObject({
      kind: 'text',
      text: '{"a":',
    })
  })

  test('that was not read or kept to its end is opaque, even where its beginning parses', async () => {
    const unread = await described('[1]', 'application/json', { ended: false })
    const cut = await described('1234', 'application/json', { bytes: 5 })
    expect(unread).toEqual({ kind: 'opaque', bytes: 3, complete: false, sha256: sha256('[1]') })
    expect(cut).toEqual({ kind: 'opaque', bytes: 5, complete: false, sha256: sha256('1234') })
  })

  test('nested without end is described', async () => {
    const body = await described('['.repeat(50_000) + ']'.repeat(50_000), 'application/json')
    expect(body.kind).toBe('json')
  })
})

describe('a form', () => {
  const form = 'application/x-www-form-urlencoded;charset=UTF-8'

  test('has its fields in order, decoded', async () => {
    expect(await described('a=1&b=x+y%21&a=%C3%BC&c', form)).toEqual({
      kind: 'form',
      bytes: 23,
      complete: true,
      fields: [
        { name: 'a', value: '1' },
        { name: 'b', value: 'x y!' },
        { name: 'a', value: 'ü' },
        { name: 'c', value: '' },
      ],
    })
  })

  test.each([
    ['a=1&b=2&password=hunt', ['a', 'b']],
    ['a=1&b=2&', ['a', 'b']],
    ['a=1&pass', ['a']],
    ['password=hunt', []],
    ['&', []],
  ])('cut in the middle has its whole fields only: %s', async (text, names) => {
    const body = await described(text, form, { bytes: text.length + 1 })
    expect(body).toMatchObject({ kind: 'form', complete: false })
    expect(Reflect.get(body, 'fields').map(({ name }: { name: string }) => name)).toEqual(names)
  })

  test('cut in the middle of a character has none of its field', async () => {
    const bytes = new TextEncoder().encode('a=1&b=ü').slice(0, -1)
    expect(await described(bytes, form, { bytes: 8 })).toMatchObject({ fields: [{ name: 'a', value: '1' }] })
  })

  test('has what does not decode as it stands', async () => {
    expect(await described('a=%zz%', form)).toMatchObject({ fields: [{ name: 'a', value: '%zz%' }] })
  })
})

describe('a multipart form', () => {
  const type = 'Multipart/Form-Data; boundary="the limit"'

  function parts(...all: [head: string, content: string][]): string {
    const each = all.map(
      ([head, content]) => `--the limit\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`,
    )
    return `${each.join('')}--the limit--\r\n`
  }

  test('has its fields, and of its files the name, type and length', async () => {
    const body = parts(
      ['name="title"', 'A "title"'],
      ['name="photo"; filename="me.png"\r\nContent-Type: image/png', '12345'],
    )
    expect(await described(body, type)).toEqual({
      kind: 'multipart',
      bytes: body.length,
      complete: true,
      fields: [
        { name: 'title', value: 'A "title"' },
        { name: 'photo', value: 'me.png', file: { type: 'image/png', bytes: 5 } },
      ],
    })
  })

  test('has a file without a name where none was chosen', async () => {
    const [field] = await none()
    expect(field).toMatchObject({ name: 'nothing', value: '', file: { bytes: 0 } })
  })

  test('has the type of a file that was not chosen', async () => {
    const [field] = await none()
    expect(field!.file!.type).toBe('application/octet-stream')
  })

  async function none(): Promise<readonly ReportedField[]> {
    const head = 'name="nothing"; filename=""\r\nContent-Type: application/octet-stream'
    const body = await described(parts([head, '']), type)
    return 'fields' in body ? body.fields : []
  }

  test('that was cut, or is none, is opaque', async () => {
    const body = parts(['name="a"', '1'])
    const cut = await described(body.slice(0, -20), type, { bytes: body.length })
    expect(cut).toMatchObject({ kind: 'opaque', complete: false, sha256: sha256(body.slice(0, -20)) })
    expect(await described('nonsense', type)).toMatchObject({ kind: 'opaque', sha256: sha256('nonsense') })
    expect(await described(body, 'multipart/form-data')).toMatchObject({ kind: 'opaque' })
  })
})

describe('text', () => {
  test.each(['text/plain', 'TEXT/PLAIN; charset=utf-8', 'text/csv', 'text/markdown'])(
    'is shown if it is written for people: %s',
    async (type) => {
      expect(await described('grüße', type)).toEqual({
        kind: 'text',
        bytes: 7,
        complete: true,
        text: 'grüße',
      })
    },
  )

  test('is shown as far as it was kept, without half a character', async () => {
    const half = new TextEncoder().encode('ü€').slice(0, -1)
    expect(await described(half, 'text/plain', { bytes: 5 })).toEqual({
      kind: 'text',
      bytes: 5,
      complete: false,
      text: 'ü',
    })
  })

  test.each([
    ['in UTF-16', utf16('Bearer abcdefgh')],
    ['in Latin-1', new Uint8Array([0x67, 0xfc, 0x6e])],
    ['with a null', new Uint8Array([0x61, 0, 0x62])],
    ['compressed', new Uint8Array([0x1f, 0x8b, 8, 0])],
  ])('is opaque %s, for no secret can be seen in it', async (_, bytes) => {
    for (const anyText of [false, true]) {
      expect(await described(bytes, 'text/plain', { anyText })).toMatchObject({ kind: 'opaque' })
    }
  })

  test('of another kind is opaque, unless any text may be seen', async () => {
    for (const type of ['application/xml', 'text/html', 'image/svg+xml', '', 'nonsense']) {
      expect(await described('<a/>', type)).toMatchObject({ kind: 'opaque' })
      expect(await described('<a/>', type, { anyText: true })).toMatchObject({ kind: 'text', text: '<a/>' })
    }
  })
})

test('whatever is opaque has the SHA-256 of what was kept', async () => {
  const bytes = new Uint8Array(70_000).map((_, index) => index * 7)
  expect(await described(bytes, 'application/octet-stream', { bytes: 80_000 })).toEqual({
    kind: 'opaque',
    bytes: 80_000,
    complete: false,
    sha256: sha256(bytes),
  })
})
