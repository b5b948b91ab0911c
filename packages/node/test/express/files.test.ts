import { createReadStream } from 'node:fs'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import serveStatic from 'serve-static'
import { afterAll, beforeAll, describe } from 'vitest'
import { get, head, parity, parityOfNode, wire } from './parity.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'curfew-express-'))
  const files: Record<string, string | Buffer> = {
    'name.txt': 'tobi',
    'digits.txt': '0123456789',
    'empty.txt': '',
    'user.html': '<p>{{user.name}}</p>',
    'bär% §10.txt': 'umlauts',
    '.name': 'hidden',
    'large.bin': Buffer.alloc(3_000_000, 'curfew'),
    'medium.bin': Buffer.alloc(200_000, 'curfew'),
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(root, name), content)
    await utimes(join(root, name), 1_700_000_000, 1_700_000_000)
  }
})
afterAll(() => rm(root, { recursive: true }))

const path = (name: string): string => join(root, name)
const since = 'Tue, 14 Nov 2023 22:13:20 GMT'

const ofDigits = [
  get('/digits.txt'),
  head('/digits.txt'),
  get('/digits.txt', { range: 'bytes=0-4' }),
  get('/digits.txt', { range: 'bytes=-3' }),
  get('/digits.txt', { range: 'bytes=7-' }),
  get('/digits.txt', { range: 'bytes=100-' }),
  get('/digits.txt', { range: 'bytes=0-0,2-3' }),
  get('/digits.txt', { range: 'nonsense' }),
  head('/digits.txt', { range: 'bytes=0-4' }),
  get('/digits.txt', { range: 'bytes=0-4', 'if-range': since }),
  get('/digits.txt', { range: 'bytes=0-4', 'if-range': 'Tue, 14 Nov 2000 22:13:20 GMT' }),
  get('/digits.txt', { 'if-modified-since': since }),
  get('/digits.txt', { 'if-unmodified-since': 'Tue, 14 Nov 2000 22:13:20 GMT' }),
  get('/digits.txt', { 'if-match': '"other"' }),
  get('/digits.txt', { 'if-none-match': '*' }),
  head('/digits.txt', { 'if-modified-since': since }),
]
const ofAll = [
  ...ofDigits,
  get('/empty.txt'),
  head('/empty.txt'),
  get('/user.html'),
  get('/b%C3%A4r%25%20%C2%A710.txt'),
  get('/.name'),
  get('/missing.txt'),
  head('/missing.txt'),
  get('/..%2f..%2fetc%2fpasswd'),
  get('/medium.bin'),
  get('/large.bin'),
  head('/large.bin'),
  get('/large.bin', { range: 'bytes=1000000-2999999' }),
  get('/large.bin', { range: 'bytes=5-10' }),
  get('/digits.txt'),
]

describe('res.sendFile()', () => {
  parity(
    'files under a root',
    (app) => {
      app.get('/:name', (req, res) => res.sendFile(req.params.name, { root }))
    },
    ofAll,
  )
  parity(
    'absolute paths, with a callback',
    (app, { note }) => {
      app.get('/:name', (req, res, next) => {
        res.sendFile(path(req.params.name), (error) => {
          note(req.params.name, (error as NodeJS.ErrnoException)?.code, res.headersSent, res.statusCode)
          if (error) next(error)
        })
      })
    },
    [
      get('/name.txt'),
      head('/name.txt'),
      get('/missing.txt'),
      get('/name.txt', { 'if-modified-since': since }),
      get('/large.bin'),
      get('/name.txt'),
    ],
  )
  parity(
    'options',
    (app) => {
      const headers = { 'x-success': 'sent', 'Content-Type': 'text/x-custom' }
      app.get('/headers', (_, res) => res.sendFile('name.txt', { root, headers }))
      app.get('/headers/missing', (_, res) => res.sendFile('missing.txt', { root, headers }))
      app.get('/immutable', (_, res) => res.sendFile('name.txt', { root, immutable: true, maxAge: '4h' }))
      app.get('/bare', (_, res) => {
        res.sendFile('name.txt', {
          root,
          acceptRanges: false,
          cacheControl: false,
          lastModified: false,
          etag: false,
        } as never)
      })
      app.get('/dotfiles', (_, res) => res.sendFile('.name', { root, dotfiles: 'allow' }))
      app.get('/denied', (_, res) => res.sendFile('.name', { root, dotfiles: 'deny' }))
      app.get('/relative', (_, res) => res.sendFile('name.txt'))
      app.get('/type', (_, res) => res.type('application/x-bogus').sendFile(path('name.txt')))
      app.get('/no-etag', (_, res) => {
        app.set('etag', false)
        res.sendFile(path('name.txt'))
      })
    },
    [
      'headers',
      'headers/missing',
      'immutable',
      'bare',
      'dotfiles',
      'denied',
      'relative',
      'type',
      'no-etag',
    ].map((name) => get(`/${name}`)),
  )
  parity('a directory', (app) => app.get('/', (_, res) => res.sendFile(root)), [get(), get('/')])
})

describe('res.download()', () => {
  parity(
    'as attachments',
    (app, { note }) => {
      app.get('/plain', (_, res) => res.download(path('user.html')))
      app.get('/named', (_, res) => res.download(path('user.html'), 'dokument-ä.html'))
      app.get('/callback', (_, res, next) =>
        res.download(path('digits.txt'), (error) => (error ? next(error) : note('sent'))),
      )
      app.get('/missing', (_, res, next) => {
        res.download(path('missing.txt'), (error) => {
          note(res.get('content-disposition'), res.headersSent)
          next(error)
        })
      })
      app.get('/options', (_, res) =>
        res.download('name.txt', 'x.txt', { root, maxAge: '1h', headers: { 'x-a': 'b' } }),
      )
    },
    [
      get('/plain'),
      head('/plain'),
      get('/named'),
      get('/callback', { range: 'bytes=2-4' }),
      get('/callback', { range: 'bytes=20-' }),
      get('/missing'),
      get('/options'),
    ],
  )
})

describe('serve-static', () => {
  parity('that of Express', (app, { express }) => app.use(express.static(root)), ofAll)
  parity(
    'mounted under a path, with options',
    (app, { express }) => {
      app.use(
        '/files',
        express.static(root, {
          dotfiles: 'allow',
          extensions: ['html', 'txt'],
          index: 'user.html',
          maxAge: '1d',
          setHeaders: (res) => res.setHeader('x-static', 'yes'),
        }),
      )
      app.use('/strict', express.static(root, { fallthrough: false, redirect: false }))
    },
    [
      get('/files'),
      get('/files/'),
      get('/files/.name'),
      get('/files/name'),
      get('/strict/missing'),
      wire('POST', '/strict/name.txt', {}, 'x'),
      wire('POST', '/files/name.txt', {}, 'x'),
      get('/strict/name.txt'),
    ],
  )
  parityOfNode('that of Connect', (req, res, next) => serveStatic(root)(req, res, next), ofAll)
})

describe('fs.createReadStream().pipe(res)', () => {
  parityOfNode(
    'without a length',
    (req, res) => {
      createReadStream(path(req.url!.slice(1))).pipe(res)
    },
    [
      get('/name.txt'),
      head('/name.txt'),
      get('/empty.txt'),
      get('/medium.bin'),
      get('/large.bin'),
      get('/name.txt'),
    ],
  )
  parityOfNode(
    'with a length',
    (_req, res) => {
      res.setHeader('content-length', 3_000_000)
      createReadStream(path('large.bin')).pipe(res)
    },
    [get(), get(), head()],
  )
  parityOfNode(
    'a file that is not there',
    (_req, res, next) => {
      createReadStream(path('missing'))
        .on('error', () => next(Object.assign(new Error('gone'), { status: 410, stack: 'gone' })))
        .pipe(res)
    },
    [get(), get()],
  )
})
