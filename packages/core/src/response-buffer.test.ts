import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { get, observed, soon } from '../test/support.ts'
import { guard, InvalidOptionError, type ResponseBuffer, ResponseTooLargeError, scopeOf } from './index.ts'
import { ResponseBuffer as Buffer } from './response-buffer.ts'

/** What the client gets of what is written. */
function written(write: (response: ResponseBuffer) => void, maxBytes?: number): Response {
  // Rethrown, so that what is expected inside the handler can fail.
  const options = { rethrow: true, ...(maxBytes !== undefined && { maxBytes }) }
  return guard((request: Request) => write(scopeOf(request).response), options)(get()) as Response
}

describe('what is written into a response buffer', () => {
  test('is an empty 200 when nothing is', async () => {
    const response = written(() => {})
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })

  test('is sent in order, text and bytes mixed', async () => {
    const response = written((buffer) => {
      buffer
        .write('a')
        .write(new TextEncoder().encode('bé'))
        .write(new TextEncoder().encode('c').buffer)
        .write('d')
    })
    expect(await response.text()).toBe('abécd')
  })

  test('is sent by an asynchronous handler, too', async () => {
    const { options } = observed()
    const reply = guard(async (request: Request) => {
      scopeOf(request).response.json({ ok: true }, 201)
    }, options)(get())
    const response = await soon(reply)
    expect([response.status, await response.json()]).toEqual([201, { ok: true }])
  })

  test('is sent by a handler that returns it as a response', async () => {
    const response = guard((request: Request) => {
      const buffer = scopeOf(request).response.text('written', 201)
      return buffer.toResponse()
    })(get()) as Response
    expect([response.status, await response.text()]).toEqual([201, 'written'])
  })

  test('is copied: bytes may be changed afterwards', async () => {
    const response = written((buffer) => {
      const bytes = new TextEncoder().encode('before')
      buffer.write(bytes)
      bytes.fill(0)
      const shared = new TextEncoder().encode(' and after')
      buffer.write(shared.buffer)
      shared.fill(0)
    })
    expect(await response.text()).toBe('before and after')
  })

  test('of a view is the view only', async () => {
    const response = written((buffer) => {
      buffer.write(new TextEncoder().encode('[view]').subarray(1, 5))
    })
    expect(await response.text()).toBe('view')
  })

  test('has the last status that was set, and all headers', () => {
    const response = written((buffer) => {
      buffer.status = 404
      buffer.status = 201
      buffer.headers.set('location', '/7')
      buffer.append('set-cookie', 'a=1').append('set-cookie', 'b=2')
    })
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe('/7')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  test.each([204, 205, 304])('has no body under %i', (status) => {
    const response = written((buffer) => {
      buffer.write('dropped')
      buffer.status = status
    })
    expect([response.status, response.body]).toEqual([status, null])
  })

  test('is not changed by headers that somebody kept', () => {
    let kept: Headers | undefined
    const response = written((buffer) => {
      kept = buffer.headers
    })
    kept?.set('x-late', '1')
    expect(response.headers.has('x-late')).toBe(false)
  })
})

describe('a shorthand', () => {
  test.each([
    ['text', 'text/plain; charset=utf-8', (buffer: ResponseBuffer) => buffer.text('<b>', 202), '<b>'],
    ['json', 'application/json', (buffer: ResponseBuffer) => buffer.json({ a: [1] }, 202), '{"a":[1]}'],
    ['html', 'text/html; charset=utf-8', (buffer: ResponseBuffer) => buffer.html('<b>', 202), '<b>'],
  ])('%s() sets its type, and the status', async (_, type, write, body) => {
    const response = written((buffer) => void write(buffer))
    expect(response.status).toBe(202)
    expect(response.headers.get('content-type')).toBe(type)
    expect(await response.text()).toBe(body)
  })

  test('leaves the status alone that it is not given', () => {
    const response = written((buffer) => {
      buffer.status = 404
      buffer.text('not here')
    })
    expect(response.status).toBe(404)
  })

  test('leaves a type alone that is set already', () => {
    const response = written((buffer) => {
      buffer.headers.set('content-type', 'application/hal+json')
      buffer.json({})
    })
    expect(response.headers.get('content-type')).toBe('application/hal+json')
  })
})

describe('the status', () => {
  test.each([199, 600, 99, 1000, 101, 103, 0, -200, 200.5, Number.NaN, '200', undefined, null])(
    'cannot be %s',
    (status) => {
      const buffer = new Buffer(10, () => {})
      expect(() => {
        buffer.status = status as number
      }).toThrow(InvalidOptionError)
      expect(buffer.status).toBe(200)
    },
  )

  test.each([200, 299, 404, 499, 500, 599])('can be %i', (status) => {
    const buffer = new Buffer(10, () => {})
    buffer.status = status
    expect(buffer.toResponse().status).toBe(status)
  })
})

describe('maxBytes', () => {
  test('lets through exactly as many', async () => {
    expect(await written((buffer) => void buffer.write('1234').write('5'), 5).text()).toBe('12345')
  })

  test('throws on one more, and keeps what was written before', async () => {
    const response = written((buffer) => {
      buffer.write('1234')
      expect(() => buffer.write('56')).toThrow(ResponseTooLargeError)
      expect(buffer.size).toBe(4)
      buffer.write('5')
    }, 5)
    expect(await response.text()).toBe('12345')
  })

  test('is a 500 when the handler does not catch it', async () => {
    const { outcomes, options, clock } = observed({ maxBytes: 3 })
    const handler = (request: Request): void => void scopeOf(request).response.text('four')
    expect((guard(handler, options)(get()) as Response).status).toBe(500)
    await clock.advance(0)
    expect(outcomes).toMatchObject([
      { kind: 'failed', error: { code: 'RESPONSE_TOO_LARGE', maxBytes: 3, name: 'ResponseTooLargeError' } },
    ])
  })

  test('counts bytes, not characters', () => {
    const buffer = new Buffer(4, () => {})
    expect(() => buffer.write('€€')).toThrow(ResponseTooLargeError)
    expect(buffer.write('€').size).toBe(3)
    expect(() => buffer.write('é')).toThrow(ResponseTooLargeError)
    expect(buffer.write('e').size).toBe(4)
  })

  test('is 1 MiB unless the guard is told otherwise', () => {
    const mebi = 'x'.repeat(1024 * 1024)
    written((buffer) => {
      buffer.write(mebi)
      expect(() => buffer.write('x')).toThrow(ResponseTooLargeError)
    })
  })

  test('counts any text as it is encoded, lone surrogates included', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    )
    fc.assert(
      fc.property(text, (value) => {
        const buffer = new Buffer(Number.POSITIVE_INFINITY, () => {})
        expect(buffer.write(value).size).toBe(new TextEncoder().encode(value).byteLength)
      }),
    )
  })
})
