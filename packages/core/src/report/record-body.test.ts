import { describe, expect, test } from 'vitest'
import { chunks, readers, seen, text } from '../../test/body-readers.ts'
import { garbageCollector } from '../../test/garbage-collector.ts'
import { thrownBy } from '../../test/support.ts'
import { recordBody } from './record-body.ts'

const encoder = new TextEncoder()

function post(body: BodyInit | null, headers: HeadersInit = {}): Request {
  return new Request('http://localhost/', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
}

function streamOf(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const left = [...chunks]
  return new ReadableStream(
    {
      pull(controller) {
        const chunk = left.shift()
        if (chunk) controller.enqueue(chunk as Uint8Array<ArrayBuffer>)
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

function breaking(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let pulls = 0
  const pull = (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void => {
    if (pulls++ === 0) controller.enqueue(encoder.encode('half '))
    else controller.error(new RangeError('upload broke'))
  }
  return new ReadableStream({ pull }, { highWaterMark: 0 })
}

/** Two chunks of one array, as sockets give them: whoever takes the first away takes both. */
function shared(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const both = encoder.encode('first second')
  return streamOf(both.subarray(0, 6), both.subarray(6))
}

const multipart = [
  ['name="name"', 'Ada "the first"'],
  ['name="many"', '1'],
  ['name="many"', '2'],
  ['name="file"; filename="né.bin"\r\nContent-Type: application/x-thing', '\u0000\u0001binary'],
  ['name="none"; filename=""\r\nContent-Type: application/octet-stream', ''],
]
  .map(([head, value]) => `--limit\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`)
  .join('')

const bodies: Record<string, () => Request> = {
  text: () => post('hello wörld'),
  JSON: () => post('{"a":[1,{"b":"ü"}]}', { 'content-type': 'application/json; charset=utf-8' }),
  'JSON with a byte order mark': () =>
    post(encoder.encode('\ufeff{"a":1}'), { 'content-type': 'application/json' }),
  'JSON that does not parse': () => post('{"a":', { 'content-type': 'application/json' }),
  'bytes that are no text': () => post(new Uint8Array([0xff, 0xfe, 0, 0xc3])),
  'a typed blob': () => post(new Blob(['<a/>'], { type: 'text/XML; Charset="UTF-8"' })),
  'an odd content type': () => post('x', { 'content-type': 'no type at all' }),
  'two content types': () =>
    post('x', [
      ['content-type', 'text/plain'],
      ['content-type', 'application/json'],
    ]),
  'a form': () => post(new URLSearchParams('a=1&b=%C3%BC+x&a=2')),
  'a multipart form': () =>
    post(`${multipart}--limit--\r\n`, { 'content-type': 'multipart/form-data; boundary=limit' }),
  'a multipart form that is none': () =>
    post('nonsense', { 'content-type': 'multipart/form-data; boundary=x' }),
  'an empty text': () => post(''),
  'an empty form': () => post('', { 'content-type': 'application/x-www-form-urlencoded' }),
  'no body': () => post(null),
  'no body of a form': () => post(null, { 'content-type': 'application/x-www-form-urlencoded' }),
  'a stream': () => post(streamOf(encoder.encode('one '), encoder.encode('two'))),
  'a stream of JSON': () => post(streamOf(encoder.encode('{"a"'), encoder.encode(':1}'))),
  'an empty stream': () => post(streamOf()),
  'a stream with empty chunks': () =>
    post(streamOf(new Uint8Array(0), encoder.encode('one'), new Uint8Array(0), encoder.encode('two'))),
  'a stream that splits a character': () =>
    post(streamOf(new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac]))),
  'chunks that share an array': () => post(shared()),
  'chunks of the pool of Node.js': () => post(streamOf(Buffer.from('pooled '), Buffer.from('chunks'))),
  'chunks that are no bytes': () => post(streamOf('text' as never, 'more' as never)),
  'a stream that breaks': () => post(breaking()),
}

describe.each(Object.entries(readers))('%s does what it does without a record', (_, read) => {
  test.each(Object.entries(bodies))('with %s', async (_, make) => {
    const recorded = make()
    recordBody(recorded, 4)
    expect(await seen(recorded, read)).toEqual(await seen(make(), read))
  })
})

describe('the record', () => {
  const whole = 'hello wörld'

  const reading: [name: string, read: (request: Request) => unknown][] = [
    ['text()', (request) => request.text()],
    ['json()', (request) => thrownBy(() => request.json())],
    ['arrayBuffer()', (request) => request.arrayBuffer()],
    ['bytes()', (request) => request.bytes()],
    ['blob()', (request) => request.blob()],
    ['formData()', (request) => thrownBy(() => request.formData())],
    ['body', (request) => chunks(request.body)],
    ['body.pipeTo()', (request) => request.body!.pipeTo(new WritableStream())],
    ['body.tee()', (request) => Promise.all(request.body!.tee().map(text))],
    ['new Response(body)', (request) => new Response(request.body).blob()],
    ['new Request(url, request)', (request) => new Request('http://localhost/', request).text()],
    ['text() after body was looked at', (request) => [request.body, request.text()][1]],
    [
      'text() after a clone() was read',
      async (request) => [await request.clone().text(), await request.text()],
    ],
  ]

  test.each(reading)('has the body that was read by %s', async (_, read) => {
    for (const make of [() => post(whole), () => post(streamOf(encoder.encode(whole)))]) {
      const request = make()
      const record = recordBody(request, 100)!
      await read(request)
      expect(record).toMatchObject({ bytes: 12, ended: true })
      expect(decoded(record)).toBe(whole)
    }
  })

  test.each(reading)('keeps no more of what %s reads than it is to', async (_, read) => {
    for (const [maxBytes, kept] of [
      [1, 'h'],
      [11, 'hello wörl'],
      [12, whole],
      [13, whole],
    ] as const) {
      const request = post(whole)
      const record = recordBody(request, maxBytes)!
      await read(request)
      expect(record).toMatchObject({ bytes: 12, ended: true })
      expect(decoded(record)).toBe(kept)
    }
  })

  test('has nothing, and reads nothing, as long as the handler does not', async () => {
    let pulls = 0
    const pull = (): void => void pulls++
    const request = post(new ReadableStream({ pull }, { highWaterMark: 0 }))
    const record = recordBody(request, 100)!
    void request.body
    void request.bodyUsed
    request.body!.getReader().releaseLock()
    expect(pulls).toBe(0)
    expect(record).toMatchObject({ bytes: 0, ended: false })
    expect(record.kept()).toEqual(new Uint8Array(0))
  })

  test('has what was read when the handler went no further', async () => {
    const request = post(streamOf(encoder.encode('one'), encoder.encode('two')))
    const record = recordBody(request, 100)!
    for await (const _ of request.body as unknown as AsyncIterable<Uint8Array>) break
    expect(record).toMatchObject({ bytes: 3, ended: false })
    expect(decoded(record)).toBe('one')
  })

  test('has what was read when the body broke', async () => {
    const request = post(breaking())
    const record = recordBody(request, 100)!
    void request.body
    expect(await thrownBy(() => request.text())).toEqual(new RangeError('upload broke'))
    expect(record).toMatchObject({ bytes: 5, ended: false })
    expect(decoded(record)).toBe('half ')
  })

  test('has an empty body whole', async () => {
    for (const body of ['', null, streamOf()]) {
      const request = post(body)
      const record = recordBody(request, 100)!
      expect(await request.text()).toBe('')
      expect(record).toMatchObject({ bytes: 0, ended: true })
    }
  })

  test('does not change with what the handler does to the bytes', async () => {
    const pooled = Buffer.from('pooled bytes')
    const request = post(streamOf(pooled))
    const record = recordBody(request, 100)!
    const { value } = await request.body!.getReader().read()
    value!.fill(0)
    expect(decoded(record)).toBe('pooled bytes')
    record.kept().fill(0)
    expect(decoded(record)).toBe('pooled bytes')

    const whole = post('whole bytes')
    const another = recordBody(whole, 100)!
    new Uint8Array(await whole.arrayBuffer()).fill(0)
    expect(decoded(another)).toBe('whole bytes')
  })

  test('takes no memory from whoever made the chunks', async () => {
    const both = encoder.encode('first second')
    const request = post(streamOf(both.subarray(0, 6), both.subarray(6)))
    recordBody(request, 100)
    await request.text()
    expect(both).toEqual(encoder.encode('first second'))
  })

  test('keeps the beginning of 10 MB, and lets go of the rest', async () => {
    const collectGarbage = await garbageCollector()
    const made: WeakRef<Uint8Array>[] = []
    const pull = (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void => {
      if (made.length === 160) return controller.close()
      const chunk = new Uint8Array(64 * 1024).fill(made.length)
      made.push(new WeakRef(chunk))
      controller.enqueue(chunk)
    }
    const request = post(new ReadableStream({ pull }, { highWaterMark: 0 }))
    const record = recordBody(request, 70_000)!
    await request.body!.pipeTo(new WritableStream())
    expect(record).toMatchObject({ bytes: 10 * 1024 * 1024, ended: true })
    expect(record.kept().byteLength).toBe(70_000)
    expect(record.kept().subarray(65_535, 65_538)).toEqual(new Uint8Array([0, 1, 1]))
    // Weak references live on until the task is over.
    await new Promise((resolve) => setTimeout(resolve))
    collectGarbage()
    expect(made.filter((chunk) => chunk.deref()).length).toBeLessThan(10)
  })

  test('does not take more for many small chunks than for a large one', async () => {
    const request = post(streamOf(...Array.from({ length: 20_000 }, (_, index) => new Uint8Array([index]))))
    const record = recordBody(request, 16_384)!
    const bytes = await request.bytes()
    expect(record.bytes).toBe(20_000)
    expect(record.kept()).toEqual(bytes.slice(0, 16_384))
  })

  test('is not made where there can be no body, or none is wanted', () => {
    expect(recordBody(new Request('http://localhost/'), 100)).toBeUndefined()
    expect(recordBody(new Request('http://localhost/', { method: 'HEAD' }), 100)).toBeUndefined()
    const request = post('text')
    expect(recordBody(request, 0)).toBeUndefined()
    expect(Object.getOwnPropertyNames(request)).toEqual([])
  })

  test('is one for all who ask, also in the middle of the body', async () => {
    const request = post(streamOf(encoder.encode('one'), encoder.encode('two')))
    const record = recordBody(request, 4)!
    const reader = request.body!.getReader()
    await reader.read()
    expect(recordBody(request, 100)).toBe(record)
    expect(request.body!.locked).toBe(true)
    await reader.read()
    await reader.read()
    expect(record).toMatchObject({ bytes: 6, ended: true })
    expect(decoded(record)).toBe('onet')
  })

  test('leaves a method alone that somebody has put on the request', async () => {
    const request = post('{"a":1}')
    Object.defineProperty(request, 'json', { value: async () => 'parsed before' })
    recordBody(request, 100)
    expect(await request.json()).toBe('parsed before')
    expect(await request.text()).toBe('{"a":1}')
  })

  test('holds on to nothing once all who asked for it let go of it, and the body is read on', async () => {
    const request = post(streamOf(...['one ', 'two ', 'three'].map((each) => encoder.encode(each))))
    const record = recordBody(request, 100)!
    expect(recordBody(request, 100)).toBe(record)
    const reader = request.body!.getReader()
    await reader.read()
    record.release()
    await reader.read()
    expect(decoded(record)).toBe('one two ')
    record.release()
    expect(record.kept()).toHaveLength(0)
    expect(await reader.read()).toMatchObject({ done: false })
    expect(await reader.read()).toMatchObject({ done: true })
    expect(record.kept()).toHaveLength(0)
    expect(record).toMatchObject({ bytes: 13, ended: true })
  })

  test('is made for a request that was read before, which stays read', async () => {
    const request = post('text')
    await request.text()
    const record = recordBody(request, 100)!
    expect(request.bodyUsed).toBe(true)
    expect(await thrownBy(() => request.text())).toBeInstanceOf(TypeError)
    expect(record).toMatchObject({ bytes: 0, ended: false })
  })

  test('adds no method that the runtime does not have', () => {
    const bare = Object.assign(Object.create({ text: async () => 'text' }), { method: 'POST' }) as Request
    recordBody(bare, 100)
    expect(Object.getOwnPropertyNames(bare)).toEqual(['method', 'text'])
  })
})

function decoded(record: { kept(): Uint8Array }): string {
  return new TextDecoder().decode(record.kept())
}
