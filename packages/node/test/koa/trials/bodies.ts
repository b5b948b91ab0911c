import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import type Koa from 'koa'
import type { Trial } from '../parity.ts'

const file = new URL('../../../package.json', import.meta.url)
const gets = ['/', { path: '/', method: 'HEAD' }] as const

/** The same for GET and HEAD. */
function body(make: (ctx: Koa.Context) => unknown, status = 200): Trial {
  return {
    app: (app) =>
      app.use((ctx) => {
        ctx.body = make(ctx)
      }),
    asks: [...gets, '/again'],
    statuses: [status, status, status],
  }
}

function readable(...parts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      controller.close()
    },
  })
}

export const bodies: Record<string, Trial> = {
  'a string': body(() => 'hello'),
  'a string that looks like HTML': body(() => '<p>Grüße</p>'),
  'an empty string': body(() => ''),
  'a string without a type': body((ctx) => {
    queueMicrotask(() => {
      ctx.type = ''
    })
    return 'plain'
  }),
  'a long string': body(() => 'ü'.repeat(200_000)),
  'a Buffer': body(() => Buffer.from([0, 1, 2, 255])),
  'an empty Buffer': body(() => Buffer.alloc(0)),
  'an object': body(() => ({ hello: 'wörld', nested: [1, null] })),
  'an array': body(() => [1, 2, 3]),
  'a number': body(() => 42),
  false: body(() => false),
  'an object with the type of an API': body((ctx) => {
    ctx.type = 'application/vnd.api+json'
    return { data: [] }
  }),
  null: body(() => null, 204),
  undefined: body(() => undefined, 204),
  'null as JSON': body((ctx) => {
    ctx.type = 'application/json'
    return null
  }, 404),
  'null with a status': {
    app: (app) =>
      app.use((ctx) => {
        ctx.body = null
        ctx.status = 401
      }),
    asks: gets,
    statuses: [401, 401],
  },
  'a file': body(() => createReadStream(file)),
  'a file of a known length': body((ctx) => {
    ctx.length = 3
    ctx.type = 'json'
    return Readable.from([Buffer.from('{'), Buffer.from('}'), Buffer.from('\n')])
  }),
  'a stream after a string': body((ctx) => {
    ctx.body = 'hello'
    return createReadStream(file)
  }),
  'the same stream twice': body((ctx) => {
    const stream = createReadStream(file)
    ctx.length = 3
    ctx.remove('content-length')
    ctx.body = stream
    return stream
  }),
  'a string after a stream': body((ctx) => {
    ctx.body = createReadStream(file)
    return 'after all'
  }),
  'a stream that is fed later': body(() => {
    const stream = new PassThrough()
    setImmediate(() => {
      stream.write('first,')
      setImmediate(() => stream.end('second'))
    })
    return stream
  }),
  'an empty stream': body(() => Readable.from([])),
  'a stream for no content': {
    app: (app) =>
      app.use((ctx) => {
        ctx.status = 204
        ctx.body = createReadStream(file)
      }),
    asks: gets,
    statuses: [204, 204],
  },
  'a Blob': body(() => new Blob(['Hello'])),
  'a Blob with a type': body(() => new Blob(['Hello ', 'Blob'], { type: 'text/plain' })),
  'a ReadableStream': body(() => readable('Hello ', 'World')),
  'an empty ReadableStream': body(() => readable()),
  'a Response': body(
    () => new Response('Hello', { status: 201, headers: { 'content-type': 'text/plain', 'x-own': 'yes' } }),
    201,
  ),
  'a Response without a body': body(() => new Response(null)),
  'a Response that streams': body(
    () => new Response(readable('a', 'b', 'c'), { headers: { 'content-type': 'text/plain' } }),
  ),
  'more than 1 MiB': body(() => Readable.from(chunks(48))),
  'more than 1 MiB of a known length': body((ctx) => {
    ctx.length = 48 * 64 * 1024
    return Readable.from(chunks(48))
  }),
  'more than 1 MiB at once': body(() => Buffer.alloc(3 * 1024 * 1024, 'x')),
  'an event stream': {
    app: (app) =>
      app.use((ctx) => {
        ctx.type = 'text/event-stream'
        ctx.set('cache-control', 'no-cache')
        const events = new PassThrough()
        events.write('data: 1\n\n')
        setImmediate(() => events.end('data: 2\n\n'))
        ctx.body = events
      }),
    asks: ['/', '/again'],
    statuses: [200, 200],
  },
}

function* chunks(count: number): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(64 * 1024, String(index % 10))
}
