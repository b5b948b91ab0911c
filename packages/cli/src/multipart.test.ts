import { expect, test } from 'vitest'
import { boundaryOf, encodeMultipart, type Part } from './multipart.ts'

/** Read by what has nothing to do with how it was written. */
async function parsed(parts: Part[], preferred?: string) {
  const { bytes, boundary } = encodeMultipart(parts, preferred)
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
  const form = await new Response(new Uint8Array(bytes), { headers }).formData()
  const fields = [...form].map(async ([name, value]) =>
    typeof value === 'string'
      ? [name, value]
      : [name, value.name, value.type, Buffer.from(await value.arrayBuffer())],
  )
  return Promise.all(fields)
}

const field = (name: string, value: string): Part => ({ name, bytes: Buffer.from(value) })

test('fields and files are read as they were', async () => {
  const bytes = Buffer.from([0, 1, 13, 10, 45, 45, 255])
  const parts = [
    field('a', '1'),
    field('a', ''),
    field('é', 'línea\r\n--x\n'),
    { name: 'f', bytes, file: { name: 'cat.png', type: 'image/png' } },
  ]
  expect(await parsed(parts)).toEqual([
    ['a', '1'],
    ['a', ''],
    ['é', 'línea\r\n--x\n'],
    ['f', 'cat.png', 'image/png', bytes],
  ])
})

test('a form without fields can be read', () => {
  const { bytes, boundary } = encodeMultipart([])
  expect(bytes.toString()).toBe(`--${boundary}--\r\n`)
})

test('the boundary is the preferred one, unless the form has it in it', async () => {
  expect(encodeMultipart([field('a', '1')], 'abc').boundary).toBe('abc')
  const { boundary } = encodeMultipart([field('a', '\r\n--abc--\r\n')], 'abc')
  expect(boundary).toMatch(/^curfew-[0-9a-f]{32}$/)
  expect(await parsed([field('a', '\r\n--abc--\r\n')], 'abc')).toEqual([['a', '\r\n--abc--\r\n']])
})

test('no name and no type can add a header or a part', async () => {
  const evil = 'x"\r\nX-Evil: 1\r\n\r\nbody'
  const { bytes } = encodeMultipart([
    { name: evil, bytes: Buffer.from('v'), file: { name: evil, type: 'text/plain\r\nX-Evil: 1' } },
  ])
  expect(
    bytes
      .toString()
      .split('\r\n')
      .filter((line) => line.startsWith('X-Evil')),
  ).toEqual([])
  expect(bytes.toString()).toContain('\r\nContent-Type: application/octet-stream\r\n\r\nv\r\n')
})

test.each([
  ['multipart/form-data; boundary=abc', 'abc'],
  ['Multipart/Form-Data;boundary="a b+c"', 'a b+c'],
  ['multipart/form-data; charset=utf-8; boundary=abc; x=y', 'abc'],
  ['multipart/form-data; boundary="a\r\nb"', undefined],
  [`multipart/form-data; boundary=${'x'.repeat(71)}`, undefined],
  ['multipart/form-data', undefined],
  ['application/json; boundary=abc', undefined],
  [undefined, undefined],
])('of %j the boundary is %j', (contentType, boundary) => {
  expect(boundaryOf(contentType)).toBe(boundary)
})
