import { describe, expect, test } from 'vitest'
import { byteQueue, type Closing } from '../src/byte-queue.ts'
import { type RawResponse, type ReadOptions, readResponse } from '../src/read-response.ts'

/** Reads a response that comes in pieces of `size` bytes. */
function read(text: string, how: Closing, size: number, options?: ReadOptions): Promise<RawResponse> {
  const queue = byteQueue()
  const response = readResponse(queue, options)
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length; start += size) queue.push(bytes.subarray(start, start + size))
  queue.end(how)
  return response
}

describe.each([1, 2, 7, 10_000])('in pieces of %i bytes', (size) => {
  test('a body by content-length', async () => {
    const response = await read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'fin', size)
    expect(response).toMatchObject({ status: 200, reason: 'OK', complete: true, informational: [] })
    expect(response.headers.get('content-length')).toBe('2')
    expect(response.rawHeaders).toEqual([['Content-Length', '2']])
    expect(response.body.toString()).toBe('hi')
  })

  test('a chunked body, with an extension and a trailer', async () => {
    const text =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n'
    const response = await read(text, 'fin', size)
    expect(response.body.toString()).toBe('hi0123456789')
    expect(response.complete).toBe(true)
  })

  test('a body until the connection closes', async () => {
    const text = 'HTTP/1.1 200 OK\r\n\r\nall of it'
    expect(await read(text, 'fin', size)).toMatchObject({ complete: true, body: Buffer.from('all of it') })
    expect(await read(text, 'reset', size)).toMatchObject({ complete: false, body: Buffer.from('all of it') })
  })

  test.each([
    ['by content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi', 'hi'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi', 'hi'],
    ['between chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n', 'hi'],
    ['before the last CRLF', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n', 'hi'],
  ])('a body that is cut off %s is not complete', async (_, text, body) => {
    const response = await read(text, 'fin', size)
    expect(response.complete).toBe(false)
    expect(response.body.toString()).toBe(body)
  })

  test('informational responses are kept apart', async () => {
    const seen: number[] = []
    const text =
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n'
    const response = await read(text, 'fin', size, { onInformational: ({ status }) => seen.push(status) })
    expect(response.status).toBe(404)
    expect(response.informational.map(({ status }) => status)).toEqual([100, 103])
    expect(seen).toEqual([100, 103])
  })

  test('headers that come more than once are joined, and kept as they came', async () => {
    const text = 'HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\nset-cookie:b=2 \r\n\r\n'
    const response = await read(text, 'fin', size)
    expect(response.headers.get('set-cookie')).toBe('a=1, b=2')
    expect(response.rawHeaders).toEqual([
      ['Set-Cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
  })

  test.each([
    ['no status line', 'hello\r\n\r\n', 'not a status line'],
    ['an old version', 'HTTP/1.0 200 OK\r\n\r\n', 'not a status line'],
    ['a bare line feed', 'HTTP/1.1 200 OK\n\n', 'without CRLF'],
    ['no header', 'HTTP/1.1 200 OK\r\nhello\r\n\r\n', 'not a header'],
    ['a header with a space', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi', 'not a header'],
    ['two framings', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n', 'beside'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi',
      'content-length: 2, 3',
    ],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', 'transfer-encoding: gzip'],
    ['no chunk size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'not a chunk size'],
    [
      'a chunk too long',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n',
      'longer than its size',
    ],
    ['a head cut off', 'HTTP/1.1 200 OK\r\nContent-', 'truncated head'],
    ['nothing', '', 'no response'],
  ])('%s is an error', async (_, text, message) => {
    await expect(read(text, 'fin', size)).rejects.toThrow(message)
  })
})

test.each(['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\n\r\n'])(
  'the response to a HEAD, and a 304, leave what follows: %j',
  async (text) => {
    const queue = byteQueue()
    queue.push(Buffer.from(`${text}HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nmore`))
    expect((await readResponse(queue, { method: 'HEAD' })).body.length).toBe(0)
    expect((await readResponse(queue)).status).toBe(404)
    expect((await queue.take(100))?.toString()).toBe('more')
  },
)

test('the bytes of a body are reported as they come', async () => {
  const seen: number[] = []
  await read('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456', 'fin', 2, {
    onBody: (bytes) => seen.push(bytes),
  })
  expect(seen.at(-1)).toBe(6)
  expect(seen.length).toBeGreaterThan(2)
})
