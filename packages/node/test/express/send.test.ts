import { describe } from 'vitest'
import { get, head, parity, wire } from './parity.ts'

// What Express's own suites say of `res`, with a guard around it.

describe('res.send()', () => {
  parity('nothing', (app) => app.get('/', (_, res) => res.send()), [get(), head()])
  parity('null', (app) => app.get('/', (_, res) => res.send(null)), [get(), head()])
  parity('an empty string', (app) => app.get('/', (_, res) => res.send('')), [get(), head()])
  parity('HTML', (app) => app.get('/', (_, res) => res.send('<p>hey</p>')), [get(), head()])
  parity('a long string', (app) => app.get('/', (_, res) => res.send('-'.repeat(100_000))), [get(), head()])
  parity('more than a mebibyte', (app) => app.get('/', (_, res) => res.send('-'.repeat(3_000_000))), [
    get(),
    head(),
    get(),
  ])
  parity('text of another type', (app) => app.get('/', (_, res) => res.type('text/plain').send('hey')), [
    get(),
  ])
  parity(
    'text in another charset',
    (app) => {
      app.get('/', (_, res) => res.set('Content-Type', 'text/plain; charset=iso-8859-1').send('häy'))
    },
    [get(), head()],
  )
  parity('text outside ASCII', (app) => app.get('/', (_, res) => res.send('Grüße, 世界 🌍')), [get(), head()])
  parity('a Buffer', (app) => app.get('/', (_, res) => res.send(Buffer.from('hello'))), [get(), head()])
  parity(
    'a Buffer of a type',
    (app) => {
      app.get('/', (_, res) => res.set('Content-Type', 'text/plain').send(Buffer.from([0, 255, 128, 10])))
    },
    [get()],
  )
  parity('a Uint8Array', (app) => app.get('/', (_, res) => res.send(new Uint8Array([104, 105]))), [get()])
  parity('an object', (app) => app.get('/', (_, res) => res.send({ name: 'tobi' })), [get(), head()])
  parity('a boolean', (app) => app.get('/', (_, res) => res.send(true)), [get()])
  parity('a number', (app) => app.get('/', (_, res) => res.status(201).send(1000 as never)), [get()])
  parity(
    'twice, of which the second throws',
    (app, { note }) => {
      app.get('/', (_, res) => {
        res.send('one')
        try {
          res.send('two')
        } catch (error) {
          note((error as NodeJS.ErrnoException).code)
        }
      })
    },
    [get(), get()],
  )
  parity(
    'what cannot be made JSON of',
    (app) => {
      const circle: Record<string, unknown> = {}
      circle.circle = circle
      app.get('/', (_, res) => res.json(circle))
    },
    [get(), get('/other')],
  )

  for (const status of [200, 204, 205, 304, 404, 500]) {
    parity(`a body with a ${status}`, (app) => app.get('/', (_, res) => res.status(status).send('foo')), [
      get(),
      head(),
      get(),
    ])
  }
  parity('a status that is none', (app) => app.get('/', (_, res) => res.status(99).send('foo')), [
    get(),
    get(),
  ])
  parity(
    'a status message',
    (app) => {
      app.get('/', (_, res) => {
        res.statusMessage = 'Fine by me'
        res.send('foo')
      })
    },
    [get(), head()],
  )
  parity(
    'a content length that the app set',
    (app) => {
      app.get('/', (_, res) => res.set('Content-Length', '3').send('foo'))
    },
    [get(), head()],
  )
  parity(
    'with transfer-encoding',
    (app) => {
      app.get('/', (_, res) => res.set('Transfer-Encoding', 'chunked').send('foo'))
    },
    [get(), head()],
  )
})

describe('ETag', () => {
  const etags = [
    get(),
    get('/', { 'if-none-match': 'W/"3e7-qPnkJ3CVdVhFJQvUBfF10TmVA7g"' }),
    get('/', { 'if-none-match': '"3e7-qPnkJ3CVdVhFJQvUBfF10TmVA7g"' }),
    get('/', { 'if-none-match': '*' }),
    get('/', { 'if-none-match': '"other"' }),
    head('/', { 'if-none-match': 'W/"3e7-qPnkJ3CVdVhFJQvUBfF10TmVA7g"' }),
    get('/', { 'if-none-match': '*', 'cache-control': 'no-cache' }),
  ]
  for (const setting of ['weak', 'strong', false, true] as const) {
    parity(
      `the setting ${setting}`,
      (app) => {
        app.set('etag', setting).get('/', (_, res) => res.send('-'.repeat(999)))
      },
      etags,
    )
  }
  parity(
    'of the app',
    (app) => {
      app.set('etag', () => '"custom"').get('/', (_, res) => res.send('hey'))
    },
    [get(), get('/', { 'if-none-match': '"custom"' })],
  )
  parity('of the handler', (app) => app.get('/', (_, res) => res.set('ETag', '"asdf"').send('hey')), [
    get(),
    get('/', { 'if-none-match': '"asdf"' }),
  ])
  parity(
    'fresh and stale',
    (app) => {
      app.get('/', (req, res) => {
        res.set('Last-Modified', 'Wed, 01 Jan 2025 00:00:00 GMT')
        res.send(`${req.fresh} ${req.stale}`)
      })
    },
    [
      get('/', { 'if-modified-since': 'Wed, 01 Jan 2025 00:00:00 GMT' }),
      get('/', { 'if-modified-since': 'Wed, 01 Jan 2020 00:00:00 GMT' }),
    ],
  )
  parity('is not for a POST', (app) => app.post('/', (_, res) => res.send('hey')), [
    wire('POST', '/', { 'if-none-match': '*' }, ''),
  ])
})

describe('res.json() and res.jsonp()', () => {
  parity(
    'values',
    (app) => {
      app.get('/null', (_, res) => res.json(null))
      app.get('/number', (_, res) => res.json(300))
      app.get('/string', (_, res) => res.json('str'))
      app.get('/array', (_, res) => res.json(['foo', 'bär']))
      app.get('/typed', (_, res) => res.type('application/vnd.example+json').json({ hello: 'world' }))
      app.get('/undefined', (_, res) => res.json(undefined))
      app.get('/status', (_, res) => res.status(201).json({ a: 1 }))
    },
    ['null', 'number', 'string', 'array', 'typed', 'undefined', 'status'].flatMap((path) => [
      get(`/${path}`),
      head(`/${path}`),
    ]),
  )
  parity(
    'settings',
    (app) => {
      app.set('json escape', true).set('json spaces', 2)
      app.set('json replacer', (key: string, value: unknown) => (key.startsWith('_') ? undefined : value))
      app.get('/', (_, res) => res.json({ '&': '<script>', _id: 1 }))
    },
    [get()],
  )
  parity(
    'callbacks',
    (app) => {
      app.get('/', (_, res) => res.jsonp({ count: 1, text: '\u2028' }))
    },
    [
      get('/?callback=something'),
      get('/?callback=a[]=b;alert(1)'),
      get('/?callback='),
      head('/?callback=x'),
      get(),
    ],
  )
})

describe('res.redirect()', () => {
  parity(
    'in all its ways',
    (app) => {
      app.get('/plain', (_, res) => res.redirect('http://google.com'))
      app.get('/encoded', (_, res) => res.redirect('https://google.com?q=☃ §10'))
      app.get('/status', (_, res) => res.redirect(303, '/there'))
      app.get('/evil', (_, res) => res.redirect('<la\'me>"&'))
      app.get('/relative', (_, res) => res.redirect('../back'))
      app.get('/location', (_, res) => res.location('/x').status(201).end())
    },
    [
      ...['plain', 'encoded', 'status', 'evil', 'relative', 'location'].flatMap((path) => [
        get(`/${path}`, { accept: 'text/html' }),
        get(`/${path}`, { accept: 'text/plain' }),
        get(`/${path}`, { accept: 'application/octet-stream' }),
        head(`/${path}`),
      ]),
    ],
  )
})

describe('headers', () => {
  parity(
    'append, vary, links, type, attachment',
    (app) => {
      app.get('/', (_, res) => {
        res.append('X-Many', 'one').append('X-Many', ['two', 'three'])
        res.vary('Accept').vary('Accept-Encoding, accept')
        res.links({ next: 'http://api.example.com/users?page=2' }).links({ last: '/users?page=5' })
        res.set({ 'X-Object': 'yes', 'X-CASE': 'Kept' }).attachment('bär.txt')
        res.removeHeader('X-Powered-By')
        res.send('ok')
      })
    },
    [get(), head()],
  )
  parity(
    'read back while they are set',
    (app, { note }) => {
      app.get('/', (_, res) => {
        res.set('X-One', '1').append('Set-Cookie', 'a=b').append('Set-Cookie', 'c=d')
        note(
          res.getHeaderNames(),
          (res as never as { getRawHeaderNames(): string[] }).getRawHeaderNames(),
          { ...res.getHeaders() },
          res.hasHeader('x-ONE'),
        )
        note(res.get('x-one'), res.getHeader('set-cookie'), res.headersSent, res.writableEnded)
        res.send('ok')
        note(res.getHeaderNames(), res.get('x-one'), res.headersSent, res.writableEnded, res.finished)
      })
    },
    [get()],
  )
  parity(
    'cookies',
    (app) => {
      app.get('/', (_, res) => {
        res
          .cookie('name', 'tobi')
          .cookie('age', 1, { secure: true, httpOnly: true, path: '/x', sameSite: 'lax' })
        res.cookie('json', { a: ['ä'] }).clearCookie('gone', { path: '/y' })
        res.end()
      })
    },
    [get(), head()],
  )
  parity(
    'that Node refuses',
    (app) => {
      app.get('/line', (_, res) => res.set('X-Bad', 'a\r\nb: c').send('x'))
      app.get('/name', (_, res) => res.set('Bad Name', 'a').send('x'))
      app.get('/undefined', (_, res) => {
        res.setHeader('x-none', undefined as never)
        res.send('x')
      })
    },
    [get('/line'), get('/name'), get('/undefined'), get('/line')],
  )
  parity(
    'set as a Map, and as an iterable',
    (app) => {
      app.get('/', (_, res) => {
        res
          .setHeaders(
            new Map([
              ['x-a', '1'],
              ['x-b', '2'],
            ]),
          )
          .setHeaders(new Headers({ 'X-C': '3' }))
        res.appendHeader('x-a', '4').send('ok')
      })
    },
    [get()],
  )
})

describe('what is chosen', () => {
  parity(
    'res.format()',
    (app) => {
      app.get('/', (_, res) => {
        res.format({
          'text/plain': () => res.send('hey'),
          'text/html': () => res.send('<p>hey</p>'),
          json: () => res.send({ message: 'hey' }),
        })
      })
    },
    [
      get('/', { accept: 'text/html; q=.5, application/json, */*; q=.1' }),
      get('/', { accept: 'text/*' }),
      get('/', { accept: 'image/png' }),
      get(),
      head('/', { accept: 'application/json' }),
    ],
  )
  parity(
    'res.sendStatus()',
    (app) => {
      app.get('/:status', (req, res) => res.sendStatus(Number(req.params.status)))
    },
    ['201', '204', '404', '500', '599'].flatMap((status) => [get(`/${status}`), head(`/${status}`)]),
  )
  parity(
    'res.render()',
    (app) => {
      app.engine('txt', (_path, options, callback) =>
        callback(null, `Hello ${(options as { name: string }).name}`),
      )
      app.set('views', import.meta.dirname).set('view engine', 'txt')
      app.get('/', (_, res) => res.render('fixtures/name', { name: 'tobi' }))
      app.get('/missing', (_, res) => res.render('missing'))
    },
    [get(), head(), get('/missing')],
  )
})

describe('routing', () => {
  parity('what nobody answers', (app) => app.get('/', (_, res) => res.send('x')), [
    get('/nobody'),
    head('/nobody'),
    wire('POST', '/', {}, 'body'),
    wire('DELETE', '/a?b=<c>'),
    wire('OPTIONS', '/'),
    get(),
  ])
  parity('what cannot be decoded', (app) => app.get('/:name', (_, res) => res.send('x')), [
    get('/%zz'),
    get('/a'),
  ])
  parity(
    'sub-routers, parameters and other apps',
    (app, { express, note }) => {
      const router = express.Router({ mergeParams: true })
      router.param('id', (req, _res, next, id) => {
        setImmediate(() =>
          next(id === 'none' ? Object.assign(new Error('none'), { status: 404 }) : undefined),
        )
        note(req.baseUrl, id)
      })
      router.get('/:id', (req, res) => res.json({ ...req.params, base: req.baseUrl, url: req.url }))
      app.use('/users/:group', router)
      const inner = express()
      inner.get('/', (req, res) => res.json({ base: req.baseUrl, path: req.originalUrl }))
      inner.on('mount', () => note('mounted'))
      app.use('/inner', inner)
      app
        .route('/both')
        .get((_, res) => res.send('get'))
        .all((_, res) => res.send('all'))
      app.get('/skip', (_req, _res, next) => next('route'))
      app.get('/skip', (_, res) => res.send('not skipped'))
    },
    [
      get('/users/a/1'),
      get('/users/a/none'),
      get('/inner'),
      get('/inner/missing'),
      get('/both'),
      wire('PUT', '/both', {}, 'x'),
      get('/skip'),
    ],
  )
  parity(
    'what a request says of itself',
    (app) => {
      app.set('trust proxy', true).use((req, res) => {
        const { hostname, ip, ips, protocol, secure, xhr, path, query, subdomains } = req
        const accepts = [
          req.accepts('json', 'html'),
          req.acceptsEncodings('gzip'),
          req.is('json'),
          req.range(100),
        ]
        res.json({ hostname, ip, ips, protocol, secure, xhr, path, query, subdomains, accepts })
      })
    },
    [
      get('/a?b=c&d[e]=f', {
        'x-forwarded-for': '1.2.3.4, 5.6.7.8',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'a.b.example.com',
        'x-requested-with': 'xmlhttprequest',
        accept: 'text/html',
        range: 'bytes=0-10',
      }),
    ],
  )
})
