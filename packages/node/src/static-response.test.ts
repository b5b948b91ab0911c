import { getRequestListener } from '@hono/node-server'
import { afterEach, describe, expect, test } from 'vitest'
import { start } from '../test/support.ts'
import { staticBody } from './static-response.ts'

const nativeResponse = Response
getRequestListener(() => new Response())
const fastResponse = Response

afterEach(() => {
  globalThis.Response = fastResponse
})

test('node-server has replaced the global', () => {
  expect(fastResponse).not.toBe(nativeResponse)
})

const bytes = new Uint8Array(3)

describe('what node-server writes in one piece is told', () => {
  test.each<[string, () => Response, string | Uint8Array | null]>([
    ['text', () => new Response('hello'), 'hello'],
    ['empty text', () => new Response(''), ''],
    ['bytes', () => new Response(bytes), bytes],
    ['null', () => new Response(null), null],
    ['nothing', () => new Response(), null],
    ['JSON', () => Response.json({ a: 1 }), '{"a":1}'],
    ['a redirect', () => Response.redirect('http://a.test/'), null],
    ['text with headers', () => new Response('hello', { status: 404, headers: { 'x-a': 'b' } }), 'hello'],
    [
      'text whose headers were changed',
      () => {
        const response = new Response('hello')
        response.headers.append('set-cookie', 'a=1')
        return response
      },
      'hello',
    ],
  ])('%s', (_, make, body) => {
    expect(staticBody(make())).toBe(body)
  })
})

describe('nothing is told of', () => {
  test.each([
    ['a stream', () => new Response(new ReadableStream())],
    ['a Blob', () => new Response(new Blob(['x']))],
    ['an ArrayBuffer', () => new Response(new ArrayBuffer(1))],
    ['URLSearchParams', () => new Response(new URLSearchParams())],
    ['the native text', () => new nativeResponse('hello')],
    ['the native null', () => new nativeResponse(null)],
    [
      'text whose body was looked at',
      () => {
        const response = new Response('hello')
        expect(response.body).not.toBeNull()
        return response
      },
    ],
    ['a clone of text', () => new Response('hello').clone()],
  ])('%s', (_, make) => {
    expect(staticBody(make())).toBeUndefined()
  })

  test('what fetch() gives', async () => {
    const { port } = await start(() => new Response('hello'))
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(staticBody(response)).toBeUndefined()
    expect(await response.text()).toBe('hello')
  })

  test('anything where the symbol is not found', () => {
    globalThis.Response = nativeResponse
    const text = new Response('hello')
    expect(staticBody(text)).toBeUndefined()
  })
})

test('asking does not look at the body', () => {
  const response = new fastResponse('hello')
  Object.defineProperty(response, 'body', {
    get() {
      throw new Error('The body was looked at')
    },
  })
  expect(staticBody(response)).toBe('hello')
})

test('the symbol is looked for again when the global has changed', () => {
  globalThis.Response = nativeResponse
  expect(staticBody(new Response('hello'))).toBeUndefined()
  globalThis.Response = fastResponse
  expect(staticBody(new Response('hello'))).toBe('hello')
})
