import bodyParser from 'body-parser'
import cookieParser from 'cookie-parser'
import cookieSession from 'cookie-session'
import cors from 'cors'
import session, { MemoryStore, type SessionData } from 'express-session'
import helmet from 'helmet'
import morgan from 'morgan'
import multer from 'multer'
import { pinoHttp } from 'pino-http'
import responseTime from 'response-time'
import { describe } from 'vitest'
import { type Define, get, head, parity, parityOfNode, post, type Wire, wire } from './parity.ts'

// The real packages that write into a response, listen to it, or wrap its methods.

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}

/** A store that takes its time, as those over a network do. */
class SlowStore extends MemoryStore {
  override get(id: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    setImmediate(() => super.get(id, callback))
  }
  override set(id: string, data: SessionData, callback?: (error?: unknown) => void): void {
    setImmediate(() => super.set(id, data, callback))
  }
}

const cookie = { cookie: 'connect.sid=s%3Aid.0%2FE8%2BWHQKvVGLfBsKjeYpnTkvO5%2FVdhzOhRYDFsFmBQ' }

describe('express-session', () => {
  const sessions =
    (store: () => session.Store, options: Partial<session.SessionOptions> = {}): Define =>
    (app) => {
      app.use(
        session({
          secret: 'cat',
          resave: false,
          saveUninitialized: true,
          genid: () => 'id',
          store: store(),
          ...options,
        }),
      )
    }
  const views: Define = (app) => {
    app.get('/', (req, res) => {
      req.session.views = (req.session.views ?? 0) + 1
      res.send(`${req.session.views}`)
    })
    app.get('/json', (req, res) => {
      req.session.views = 10
      res.json({ id: req.session.id })
    })
    app.get('/parts', (req, res) => {
      req.session.views = 20
      res.write('one')
      res.write('two')
      res.end('three')
    })
    app.get('/destroyed', (req, res, next) => {
      req.session.destroy((error) => (error ? next(error) : res.send('gone')))
    })
    app.get('/regenerated', (req, res, next) => {
      req.session.regenerate((error) => (error ? next(error) : res.redirect('/')))
    })
    app.get('/large', (req, res) => {
      req.session.views = 30
      res.send('x'.repeat(2_000_000))
    })
  }
  const all = [
    get(),
    get('/', cookie),
    get('/json', cookie),
    head('/', cookie),
    get('/parts', cookie),
    get('/large', cookie),
    get('/regenerated', cookie),
    get('/destroyed', cookie),
    get('/', cookie),
    get('/missing', cookie),
  ]
  const both = (options?: Partial<session.SessionOptions>, store = () => new SlowStore()): Define => {
    const use = sessions(store, options)
    return (app, kit) => {
      use(app, kit)
      views(app, kit)
    }
  }
  parity(
    'with a store in memory',
    both({}, () => new MemoryStore()),
    all,
  )
  parity('with a slow store', both(), all)
  parity(
    'rolling, and saved in any case',
    both({ resave: true, rolling: true, cookie: { maxAge: 60_000_000 } }),
    all.slice(2, 5),
  )
  parity('mounted before the guard', views, all, { before: sessions(() => new SlowStore()) })
  parity(
    'with a store that fails',
    both({}, () => {
      const store = new SlowStore()
      store.set = (_id, _data, callback) =>
        void setImmediate(() => callback?.(Object.assign(new Error('store'), { status: 502 })))
      return store
    }),
    [get(), get()],
  )
})

describe('cookies', () => {
  parity(
    'cookie-session',
    (app) => {
      app.use(cookieSession({ name: 'session', keys: ['a'] }))
      app.get('/', (req, res) => {
        req.session!.views = (req.session!.views ?? 0) + 1
        res.json(req.session)
      })
      app.get('/end', (req, res) => {
        req.session = null as never
        res.end()
      })
      app.get('/pipe', (req, res) => {
        req.session!.views = 5
        res.write('x')
        setImmediate(() => res.end('y'))
      })
    },
    [get(), get('/', { cookie: 'session=bad; session.sig=worse' }), get('/end'), get('/pipe'), head()],
  )
  parity(
    'cookie-parser',
    (app) => {
      app.use(cookieParser('secret'))
      app.get('/', (req, res) => {
        res.cookie('signed', 'yes', { signed: true })
        res.json({ ...req.cookies, ...req.signedCookies })
      })
    },
    [get('/', { cookie: 'a=b; c=j%3A%7B%22d%22%3A1%7D; e=s%3Af.g' }), get()],
  )
})

describe('body parsers', () => {
  const echo: Define = (app) => {
    app.use((req, res) => {
      res.json({
        type: typeof req.body,
        body: Buffer.isBuffer(req.body) ? req.body.toString('hex') : req.body,
      })
    })
  }
  const parsed = (use: Define, requests: readonly Wire[]): [Define, readonly Wire[]] => [
    (app, kit) => {
      use(app, kit)
      echo(app, kit)
    },
    requests,
  ]
  const chunked = (body: string): Wire => ({
    method: 'POST',
    head: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    body: `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  })

  parity(
    'json',
    ...parsed(
      (app, { express }) => app.use(express.json({ limit: '1kb' })),
      [
        post('{"user":"tobi"}', 'application/json'),
        post('{"user"', 'application/json'),
        post('', 'application/json'),
        post(`{"long":"${'x'.repeat(2_000)}"}`, 'application/json'),
        post('{"a":1}', 'application/json; charset=koi8-r'),
        post('{"a":1}', 'application/json', { 'content-encoding': 'bogus' }),
        post('text', 'text/plain'),
        chunked('{"chunked":true}'),
        chunked(`{"long":"${'x'.repeat(200_000)}"}`),
        get(),
      ],
    ),
  )
  parity(
    'urlencoded',
    ...parsed(
      (app, { express }) => app.use(express.urlencoded({ extended: true, parameterLimit: 3 })),
      [
        post('user[name]=tobi&a=b', 'application/x-www-form-urlencoded'),
        post('a=1&b=2&c=3&d=4', 'application/x-www-form-urlencoded'),
      ],
    ),
  )
  parity(
    'raw and text',
    ...parsed(
      (app, { express }) => app.use(express.raw(), express.text({ limit: 10 })),
      [
        post('bytes', 'application/octet-stream'),
        post('text ö', 'text/plain'),
        post('a text that is too long', 'text/plain'),
      ],
    ),
  )
  parity(
    'mounted before the guard',
    (app, kit) => echo(app, kit),
    [post('{"user":"tobi"}', 'application/json'), post('{"user"', 'application/json'), get()],
    { before: (app, { express }) => app.use(express.json()) },
  )
  parity(
    'a large upload',
    (app, { express }) => {
      app.use(express.raw({ limit: '10mb' })).use((req, res) => res.json({ length: req.body.length }))
    },
    [post(Buffer.alloc(3_000_000, 1), 'application/octet-stream'), post('x', 'application/octet-stream')],
  )
  parity('a large upload that nobody reads', (app) => app.use((_, res) => res.send('ok')), [
    post(Buffer.alloc(100_000, 1), 'application/octet-stream'),
    get(),
  ])
  parity(
    'multer',
    (app, { note }) => {
      const upload = multer({ limits: { fileSize: 1_000 } })
      app.post('/', upload.single('file'), (req, res) => {
        res.json({ body: { ...req.body }, file: req.file?.originalname, size: req.file?.size })
      })
      app.use(
        (
          error: Error,
          _req: unknown,
          res: { status(code: number): { send(body: string): void } },
          _next: unknown,
        ) => {
          note(error.message)
          res.status(400).send(error.message)
        },
      )
    },
    [form('a.txt', 'hello'), form('b.txt', 'x'.repeat(2_000)), form('c.txt', '', 'other')],
  )
  parityOfNode(
    'that of Connect',
    (req, res, next) => {
      bodyParser.json()(req as never, res as never, (error?: unknown) => {
        if (error) return next(Object.assign(error, { stack: 'malformed' }))
        res.end(JSON.stringify((req as never as { body: unknown }).body))
      })
    },
    [post('{"a":1}', 'application/json'), post('{"a"', 'application/json')],
  )
})

function form(name: string, content: string, field = 'file'): Wire {
  const lines = [
    '--edge',
    'content-disposition: form-data; name="title"',
    '',
    'a title',
    '--edge',
    `content-disposition: form-data; name="${field}"; filename="${name}"`,
    'content-type: text/plain',
    '',
    content,
    '--edge--',
    '',
  ]
  return post(lines.join('\r\n'), 'multipart/form-data; boundary=edge')
}

describe('headers', () => {
  const hello: Define = (app) => app.get('/', (_, res) => res.send('hello'))
  const preflight = wire('OPTIONS', '/', {
    origin: 'http://a.example',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'x-a',
  })
  const all = [get('/', { origin: 'http://a.example' }), preflight, head(), get('/missing')]
  const uses: Record<string, Define> = {
    cors: (app) => app.use(cors({ origin: true, credentials: true, exposedHeaders: ['x-b'] })),
    helmet: (app) => app.use(helmet()),
    'response-time': (app) => app.use(responseTime()),
  }
  for (const [name, use] of Object.entries(uses)) {
    parity(`${name} before the guard`, hello, all, { before: use })
    parity(
      `${name} after it`,
      (app, kit) => {
        use(app, kit)
        hello(app, kit)
      },
      all,
    )
  }
})

describe('loggers', () => {
  const routes: Define = (app) => {
    app.get('/', (_, res) => res.send('hello'))
    app.get('/parts', (_, res) => {
      res.write('a')
      setImmediate(() => res.end('b'))
    })
    app.get('/large', (_, res) => res.send('x'.repeat(2_000_000)))
    app.get('/broken', () => {
      throw Object.assign(new Error('broken'), { status: 503 })
    })
  }
  const all = [
    get(),
    head(),
    get('/parts'),
    get('/large'),
    get('/broken'),
    get('/missing'),
    get('/', { 'if-none-match': '*' }),
  ]
  const uses: Record<string, Define> = {
    morgan: (app, { note }) => {
      const format = ':method :url :status :res[content-length] :res[content-type] :http-version :remote-addr'
      app.use(morgan(format, { stream: { write: (line) => note(line) } }))
    },
    'pino-http': (app, { note }) => {
      app.use(
        pinoHttp(
          {},
          {
            write: (line) => {
              const { req, res, err, msg, level } = JSON.parse(line)
              note(
                req.method,
                req.url,
                res.statusCode,
                res.headers['content-length'],
                err?.message,
                msg,
                level,
              )
            },
          },
        ),
      )
    },
  }
  for (const [name, use] of Object.entries(uses)) {
    parity(`${name} before the guard`, routes, all, { before: use })
    parity(
      `${name} after it`,
      (app, kit) => {
        use(app, kit)
        routes(app, kit)
      },
      all,
    )
  }
})
