import { once } from 'node:events'
import { PassThrough, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import compression from 'compression'
import { describe } from 'vitest'
import { get, head, parity, parityOfNode } from './parity.ts'

const large = Buffer.alloc(3_000_000, 'curfew!')

/** Pieces, one a turn of the event loop. */
async function* pieces(count: number, size: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) {
    await new Promise(setImmediate)
    yield Buffer.alloc(size, String(index))
  }
}

describe('streams', () => {
  parityOfNode(
    'Readable.from().pipe(res)',
    (_req, res) => {
      Readable.from(['a', 'b', 'ö', '']).pipe(res)
    },
    [get(), head(), get()],
  )
  parityOfNode(
    'pipeline(), slow and small',
    (_req, res, _next, note) => {
      pipeline(pieces(5, 10), res).then(() => note('done'), note)
    },
    [get(), head(), get()],
  )
  parityOfNode(
    'pipeline(), more than a mebibyte',
    (_req, res, _next, note) => {
      pipeline(pieces(50, 60_000), res).then(() => note('done'), note)
    },
    [get(), get()],
  )
  parityOfNode(
    'with a Transform and gzip',
    (_req, res, _next, note) => {
      const upper = new Transform({ transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()) })
      res.setHeader('content-encoding', 'gzip')
      pipeline(Readable.from(['abc', 'def']), upper, createGzip(), res).then(() => note('done'), note)
    },
    [get(), get()],
  )
  parityOfNode(
    'written by hand until it is full',
    async (_req, res) => {
      for (let index = 0; index < 60; index++) {
        if (!res.write(Buffer.alloc(50_000, index))) await once(res, 'drain')
      }
      res.end('end')
    },
    [get(), get()],
  )
  parityOfNode(
    'one large chunk',
    (_req, res) => {
      res.write(large)
      res.end()
    },
    [get(), get()],
  )
  parityOfNode('one large end', (_req, res) => void res.end(large), [get(), head(), get()])
  parityOfNode(
    'a source that breaks before it has begun',
    (_req, res, next) => {
      const source = new PassThrough()
      source.once('error', (error) => next(error))
      source.pipe(res)
      source.destroy(Object.assign(new Error('broken'), { stack: 'broken' }))
    },
    [get(), get()],
  )
  parityOfNode(
    'a web stream',
    (_req, res, _next, note) => {
      Readable.fromWeb(new Blob(['hello ', 'web']).stream() as never).pipe(res)
      res.once('finish', () => note('finish'))
    },
    [get(), head()],
  )
  parityOfNode(
    'of a known length, written in parts',
    (_req, res) => {
      res.writeHead(200, { 'content-length': 6 })
      res.write('abc')
      setImmediate(() => res.end('def'))
    },
    [get(), head(), get()],
  )
  parityOfNode('piped back from the request', (req, res) => void req.pipe(res), [
    {
      method: 'POST',
      head: 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n',
      body: '5\r\nhello\r\n0\r\n\r\n',
    },
    {
      method: 'POST',
      head: `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${large.length}\r\n\r\n`,
      body: large,
    },
    get(),
  ])
})

describe('compression', () => {
  const gzip = { 'accept-encoding': 'gzip' }
  const all = [
    get('/', gzip),
    get('/'),
    get('/', { 'accept-encoding': 'deflate' }),
    get('/', { 'accept-encoding': 'br' }),
    head('/', gzip),
  ]

  parity(
    'what is long',
    (app) => {
      app.use(compression()).get('/', (_, res) => res.send('curfew '.repeat(1_000)))
    },
    all,
  )
  parity(
    'what is long, mounted before the guard',
    (app) => {
      app.get('/', (_, res) => res.send('curfew '.repeat(1_000)))
    },
    all,
    { before: (app) => app.use(compression()) },
  )
  parity(
    'what is short',
    (app) => {
      app.use(compression()).get('/', (_, res) => res.send('curfew'))
    },
    all,
  )
  parity(
    'what is very long',
    (app) => {
      app.use(compression({ level: 0 })).get('/', (_, res) => res.send('curfew '.repeat(500_000)))
    },
    all,
  )
  parity(
    'with a threshold',
    (app) => {
      app.use(compression({ threshold: 0 })).get('/', (_, res) => res.json({ a: 1 }))
    },
    all,
  )
  parity(
    'what is written in parts',
    (app) => {
      app.use(compression()).get('/', async (_, res) => {
        res.type('text/plain')
        for await (const piece of pieces(20, 1_000)) res.write(piece)
        res.end()
      })
    },
    all,
  )
  parity(
    'a 304 and a range',
    (app) => {
      app.use(compression({ threshold: 0 })).get('/', (_, res) => res.send('hello'))
    },
    [get('/', { ...gzip, 'if-none-match': '*' }), get('/', gzip)],
  )
  parity(
    'res.flush()',
    (app) => {
      app.use(compression()).get('/', (_, res) => {
        res.type('text/plain').write('one')
        res.flush()
        setImmediate(() => res.end('two'))
      })
    },
    all,
  )
  parity(
    'of an event stream',
    (app) => {
      app.use(compression()).get('/', (_, res) => {
        res.type('text/event-stream').write('data: 1\n\n')
        res.flush()
        setImmediate(() => res.end('data: 2\n\n'))
      })
    },
    all,
  )
})

describe('streams that begin at once', () => {
  parityOfNode(
    'an event stream',
    (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
      res.write('data: 1\n\n')
      setImmediate(() => res.end('data: 2\n\n'))
    },
    [get(), head(), get()],
  )
  parityOfNode(
    'flushHeaders()',
    (_req, res, _next, note) => {
      res.setHeader('x-a', 'b')
      res.flushHeaders()
      note(res.headersSent)
      setImmediate(() => {
        res.write('later')
        res.end()
      })
    },
    [get(), head(), get()],
  )
  parityOfNode(
    'flushHeaders() with a length, and then the whole body',
    (_req, res) => {
      res.setHeader('content-length', 5)
      res.flushHeaders()
      setImmediate(() => res.end('hello'))
    },
    [get(), head(), get()],
  )
  parityOfNode(
    'res.destroy() half-way',
    (_req, res) => {
      res.setHeader('content-length', 10)
      res.flushHeaders()
      res.write('hello', () => setImmediate(() => res.destroy()))
    },
    [get()],
  )
})
