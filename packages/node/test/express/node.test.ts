import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe } from 'vitest'
import { get, head, parity, parityOfNode, pipelined, post, rawGet, type Wire, wire } from './parity.ts'

// What Node's own `res` can do, and what libraries rely on.

const all = [get(), head(), get(), rawGet()]

describe('writeHead()', () => {
  const heads: Record<string, (res: ServerResponse) => void> = {
    'a status': (res) => res.writeHead(201),
    'a message': (res) => res.writeHead(201, 'Made'),
    'a message and headers': (res) =>
      res.writeHead(201, 'Made', { 'X-A': 'b', 'set-cookie': ['c=d', 'e=f'] }),
    'headers over others': (res) => res.setHeader('x-a', 'before').writeHead(202, { 'X-A': 'after' }),
    'an array of pairs': (res) => res.writeHead(200, ['X-A', '1', 'X-B', '2', 'X-A', '3'] as never),
    'an array over others': (res) => res.setHeader('x-a', 'before').writeHead(200, ['X-A', '1'] as never),
    'a length': (res) => res.writeHead(200, { 'Content-Length': 5 }),
    'connection: close': (res) => res.writeHead(200, { Connection: 'close' }),
    'a date': (res) => res.writeHead(200, { Date: 'Wed, 01 Jan 2025 00:00:00 GMT' }),
    '204': (res) => res.writeHead(204),
    '304': (res) => res.writeHead(304),
    '205': (res) => res.writeHead(205),
  }
  for (const [name, write] of Object.entries(heads)) {
    parityOfNode(
      name,
      (_req, res, _next, note) => {
        write(res)
        note(res.headersSent, res.statusCode, res.statusMessage, res.getHeaderNames())
        res.end('hello')
      },
      all,
    )
  }
  parityOfNode(
    'twice',
    (_req, res, _next, note) => {
      res.writeHead(200, { 'x-a': 'b' })
      for (const attempt of [
        () => res.writeHead(201),
        () => res.setHeader('x-c', 'd'),
        () => res.removeHeader('x-a'),
        () => res.appendHeader('x-e', 'f'),
      ]) {
        try {
          attempt()
        } catch (error) {
          note((error as NodeJS.ErrnoException).code)
        }
      }
      res.end('x')
    },
    all,
  )
  parityOfNode(
    'what it refuses',
    (_req, res, _next, note) => {
      for (const attempt of [
        () => res.writeHead(99),
        () => res.writeHead(1000),
        () => res.writeHead(200, 'b\nad'),
        () => res.write(1 as never),
        () => res.write(null as never),
        () => res.setHeader('a', ['\n']),
      ]) {
        try {
          attempt()
        } catch (error) {
          note((error as NodeJS.ErrnoException).code, res.headersSent)
        }
      }
      res.statusMessage = ''
      res.end('x')
    },
    [get()],
  )
  parityOfNode(
    'without a date, and with headers in their spelling',
    (_req, res) => {
      res.sendDate = false
      res.setHeader('X-MiXed', 'a')
      res.end()
    },
    all,
  )
  parityOfNode(
    'with strictContentLength',
    (_req, res, _next, note) => {
      res.strictContentLength = true
      res.setHeader('content-length', 3)
      try {
        res.end('too long')
      } catch (error) {
        note((error as NodeJS.ErrnoException).code)
        res.end('abc')
      }
    },
    [get()],
  )
  parityOfNode(
    'too little of what was promised',
    (_req, res) => {
      res.writeHead(200, { 'content-length': 10, connection: 'close' })
      res.end('short')
    },
    [rawGet()],
  )
})

describe('write() and end()', () => {
  parityOfNode(
    'in encodings',
    (_req, res) => {
      res.write('68c3a4', 'hex')
      res.write('aGFsbG8', 'base64')
      res.write('ä', 'latin1')
      res.write(new Uint8Array([33]))
      res.end('ü')
    },
    all,
  )
  parityOfNode(
    'with callbacks',
    (_req, res, _next, note) => {
      res.once('finish', () => note('finish', res.writableFinished))
      res.once('close', () => note('close'))
      res.write('a', () => {
        note('a')
        res.write('b', 'utf8', (error) => {
          note('b', Boolean(error))
          res.end('c', () => note('ended'))
        })
      })
    },
    all,
  )
  parityOfNode(
    'nothing',
    (_req, res, _next, note) => {
      res.end(() => note('ended'))
    },
    all,
  )
  parityOfNode(
    'an empty chunk',
    (_req, res) => {
      res.write('')
      res.write(Buffer.alloc(0))
      res.end('')
    },
    all,
  )
  parityOfNode(
    'after the end',
    (_req, res, _next, note) => {
      res.on('error', (error: NodeJS.ErrnoException) => note('error', error.code))
      res.end('one')
      res.write('two', (error) => note((error as NodeJS.ErrnoException)?.code))
      res.end('three', () => note('ended again'))
    },
    all,
  )
  parityOfNode(
    'after the end has been sent',
    (_req, res, _next, note) => {
      res.on('error', (error: NodeJS.ErrnoException) => note('error', error.code))
      res.end('one')
      res.once('close', () => {
        res.write('two', (error) => note((error as NodeJS.ErrnoException)?.code))
        res.end((error?: NodeJS.ErrnoException) => note(error?.code))
        note(res.headersSent, res.writableEnded, res.writableFinished, res.destroyed, res.statusCode)
      })
    },
    all,
  )
  parityOfNode(
    'corked',
    (_req, res, _next, note) => {
      res.cork()
      res.write('a')
      res.write('b')
      note(res.writableCorked, res.headersSent)
      process.nextTick(() => {
        res.uncork()
        res.end('c')
      })
    },
    [get(), head()],
  )
  parityOfNode(
    'trailers',
    (_req, res) => {
      res.writeHead(200, { Trailer: 'X-Sum' })
      res.write('data')
      res.addTrailers({ 'X-Sum': 'abc' })
      res.end()
    },
    [get(), rawGet()],
  )
  parityOfNode(
    'in chunks, or not',
    (_req, res) => {
      res.useChunkedEncodingByDefault = false
      res.write('a')
      res.end('b')
    },
    [rawGet()],
  )
  parityOfNode(
    'to HTTP/1.0',
    (_req, res) => {
      res.write('a')
      res.end('b')
    },
    [{ method: 'GET', head: 'GET / HTTP/1.0\r\n\r\n', body: '', raw: true }],
  )
  parityOfNode(
    'what it says of itself meanwhile',
    (_req, res, _next, note) => {
      const say = (): void =>
        note(
          res.headersSent,
          res.writableEnded,
          res.finished,
          res.writable,
          res.destroyed,
          res.closed,
          res.errored,
          res.writableObjectMode,
        )
      say()
      res.write('a')
      say()
      res.once('finish', say)
      res.once('close', say)
      res.end()
      say()
    },
    [get(), get()],
  )
})

describe('events', () => {
  parityOfNode(
    'in their order, and once',
    (req, res, _next, note) => {
      for (const name of ['prefinish', 'finish', 'close', 'error', 'pipe'])
        res.on(name, () => note('res', name, res.writableFinished))
      for (const name of ['end', 'close', 'aborted', 'error']) req.on(name, () => note('req', name))
      req.resume()
      setImmediate(() => res.end('x'))
    },
    [get(), post('a body'), head(), get()],
  )
  parityOfNode(
    'with listeners that are removed, and come first',
    (_req, res, _next, note) => {
      const gone = (): void => note('never')
      res.on('finish', gone).prependListener('finish', () => note('first'))
      res.off('finish', gone).on('finish', () => note(res.listenerCount('finish')))
      res.once('newListener', (name) => note('newListener', name))
      res.end('x', () => note('callback'))
    },
    [get()],
  )
  parityOfNode(
    'of a promise',
    async (_req, res, _next, note) => {
      res.write('x')
      setImmediate(() => res.end())
      await once(res, 'finish')
      note('finished', res.writableFinished)
    },
    [get()],
  )
})

describe('1xx', () => {
  const expecting = post('body', 'text/plain', { expect: '100-continue' })
  parityOfNode('a continue that Node sends', (req, res) => void req.pipe(res), [expecting, get()])
  parityOfNode(
    'what a handler sends',
    (_req, res, _next, note) => {
      res.writeContinue()
      res.writeProcessing()
      res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'], 'x-trace': 'id' }, () =>
        note('hinted'),
      )
      note(res.headersSent)
      res.setHeader('x-a', 'b')
      setImmediate(() => res.end('final'))
    },
    [get(), expecting, rawGet()],
  )
})

describe('the connection', () => {
  parityOfNode(
    'pipelined requests',
    (req, res) => {
      const answer = (): void => void res.end(`answer to ${req.url}`)
      if (req.url === '/slow') setTimeout(answer, 20)
      else answer()
    },
    [
      ...pipelined(get('/slow'), get('/b'), post('x'), head('/c'), get('/slow'), get('/d')),
      get('/e'),
      ...pipelined(get('/f'), get('/g', { connection: 'close' })),
      get('/h'),
    ],
  )
  parityOfNode(
    'pipelined requests with large answers',
    (req, res) => {
      res.end(req.url!.repeat(300_000))
    },
    pipelined(get('/abcde'), get('/f'), get('/ghijk')),
  )
  parityOfNode(
    'that is looked at',
    (req, res, _next, note) => {
      note(
        req.socket === res.socket,
        req.connection === req.socket,
        res.connection === res.socket,
        req.socket.destroyed,
      )
      note(req.socket.remoteAddress, typeof req.socket.bytesWritten, res.req === req, res.shouldKeepAlive)
      res.socket!.setNoDelay(true)
      res.end('x')
      note(res.socket === req.socket)
    },
    [get(), get()],
  )
  parityOfNode(
    'that is closed by the app',
    (req, res) => {
      if (req.url === '/destroy') return req.socket.destroy()
      if (req.url === '/response') return res.destroy()
      if (req.url === '/request') return req.destroy()
      res.end('x')
    },
    [get('/destroy'), get('/response'), get('/request'), get()],
  )
  parityOfNode(
    'that the app gives a timeout, in vain',
    (_req, res, _next, note) => {
      res.setTimeout(20_000, () => note('never'))
      setImmediate(() => res.end('x'))
    },
    [get(), get()],
  )
  parityOfNode(
    'that the app gives a timeout',
    (_req, res, _next, note) => {
      res.setTimeout(20, () => {
        note('timeout', res.headersSent)
        res.statusCode = 504
        res.end('too late')
      })
    },
    [get(), get()],
  )
  parityOfNode(
    'keep-alive, and its end',
    (req, res) => {
      if (req.url === '/last') res.setHeader('connection', 'close')
      if (req.url === '/own') res.shouldKeepAlive = false
      res.end('x')
    },
    [get(), get('/last'), get(), get('/own'), get('/', { connection: 'close' }), get()],
  )
  const upgrade: Wire = wire('GET', '/', { connection: 'upgrade', upgrade: 'websocket' })
  parity(
    'a request that asks for an upgrade that nobody makes',
    (app) => app.use((_, res) => res.send('no')),
    [upgrade, get()],
  )
})

describe('wrapped methods', () => {
  parityOfNode(
    'end, write and writeHead',
    (_req, res, _next, note) => {
      const { end, write, writeHead } = res
      res.write = function (this: ServerResponse, ...args: unknown[]) {
        note('write', String(args[0]))
        return write.apply(this, args as never)
      } as never
      res.writeHead = function (this: ServerResponse, ...args: unknown[]) {
        note('writeHead', args[0])
        this.setHeader('x-wrapped', 'yes')
        return writeHead.apply(this, args as never)
      } as never
      res.end = function (this: ServerResponse, ...args: unknown[]) {
        note('end', String(args[0]))
        return end.apply(this, args as never)
      } as never
      res.write('a')
      res.end('b')
    },
    all,
  )
  parity('before the guard', (app) => app.get('/', (_, res) => res.send('inner')), [get(), head()], {
    before: (app, { note }) =>
      app.use((_, res, next) => {
        const { end, setHeader } = res
        res.setHeader = function (name, value) {
          note('setHeader', name)
          return setHeader.call(this, name, value)
        }
        res.end = function (this: typeof res, ...args: unknown[]) {
          note('end', String(args[0]))
          this.setHeader('x-outer', 'yes')
          return end.apply(this, args as never)
        } as never
        next()
      }),
  })
})
