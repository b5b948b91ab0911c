import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import etag from '@fastify/etag'
import formbody from '@fastify/formbody'
import multipart from '@fastify/multipart'
import session from '@fastify/session'
import files from '@fastify/static'
import type { Case } from '../parity.ts'

const root = dirname(import.meta.dirname)

/** The packages that apps are made of. */
export const packages: Record<string, Case> = {
  '@fastify/compress': {
    async app(app) {
      await app.register(compress, { threshold: 100 })
      app.get('/json', async () => ({ text: 'compress me '.repeat(100) }))
      app.get('/small', async () => ({ text: 'small' }))
      app.get('/stream', (_request, reply) =>
        reply.type('text/plain').send(Readable.from(['many '.repeat(100), 'words '.repeat(100)])),
      )
      app.get('/big', (_request, reply) => reply.type('text/plain').send('big '.repeat(1_000_000)))
      app.post('/', async (request) => request.body)
    },
    asked: [
      { path: '/json', headers: { 'accept-encoding': 'gzip' } },
      { path: '/json', headers: { 'accept-encoding': 'br' } },
      { path: '/json', headers: { 'accept-encoding': 'deflate' } },
      { path: '/json' },
      { path: '/small', headers: { 'accept-encoding': 'gzip' } },
      { path: '/stream', headers: { 'accept-encoding': 'gzip' } },
      { path: '/big', headers: { 'accept-encoding': 'gzip' } },
      { method: 'HEAD', path: '/json', headers: { 'accept-encoding': 'gzip' } },
    ],
  },
  '@fastify/static, with ranges and conditions': {
    async app(app) {
      await app.register(files, { root, prefix: '/files/' })
      app.get('/send', (_request, reply) => reply.sendFile('support.ts'))
      app.get('/download', (_request, reply) => reply.download('support.ts', 'own.ts'))
    },
    asked: [
      { path: '/files/support.ts' },
      { path: '/files/support.ts', headers: { range: 'bytes=0-9' } },
      { path: '/files/support.ts', headers: { range: 'bytes=-5' } },
      { path: '/files/support.ts', headers: { range: 'bytes=999999-' } },
      { path: '/files/support.ts', headers: { range: 'nonsense' } },
      { path: '/files/support.ts', headers: { 'if-modified-since': 'Fri, 31 Dec 2100 00:00:00 GMT' } },
      { path: '/files/support.ts', headers: { 'if-none-match': '*' } },
      { path: '/files/support.ts', headers: { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
      { method: 'HEAD', path: '/files/support.ts' },
      { path: '/files/none.ts' },
      { path: '/files/../package.json' },
      { path: '/files' },
      { path: '/send' },
      { path: '/download' },
    ],
  },
  '@fastify/etag': {
    async app(app) {
      await app.register(etag)
      app.get('/', async () => ({ a: 1 }))
      app.get('/own', (_request, reply) => reply.header('etag', '"own"').send('own'))
    },
    asked: [
      {},
      { headers: { 'if-none-match': '"1"' } },
      { path: '/own', headers: { 'if-none-match': '"own"' } },
      { path: '/own' },
    ],
  },
  '@fastify/cookie and @fastify/session': {
    async app(app) {
      await app.register(cookie, { secret: 'a secret' })
      await app.register(session, {
        secret: 'a secret with minimum length of 32 characters',
        cookie: { secure: false },
      })
      app.get('/set', (_request, reply) =>
        reply.setCookie('a', '1', { path: '/' }).setCookie('b', '2', { signed: true }).send('set'),
      )
      app.get('/clear', (_request, reply) => reply.clearCookie('a').send('cleared'))
      app.get('/read', async (request) => request.cookies)
      app.get('/session', async (request) => {
        request.session.set('seen' as never, true as never)
        return { seen: true }
      })
      app.get('/destroy', async (request, reply) => {
        await request.session.destroy()
        return reply.send('destroyed')
      })
    },
    asked: [
      { path: '/set' },
      { path: '/clear' },
      { path: '/read', headers: { cookie: 'a=1; b=2' } },
      { path: '/session' },
      { path: '/destroy' },
    ],
    varying: /sessionId=[^;"]+(; [^"]*)?/g,
  },
  '@fastify/formbody and @fastify/multipart': {
    async app(app) {
      await app.register(formbody)
      await app.register(multipart, { limits: { fileSize: 200_000 } })
      app.post('/form', async (request) => request.body)
      app.post('/parts', async (request) => {
        const seen: string[] = []
        for await (const part of request.parts()) {
          seen.push(
            part.type === 'file'
              ? `${part.filename} ${(await part.toBuffer()).length}`
              : `${part.fieldname}=${part.value}`,
          )
        }
        return seen
      })
      app.post('/file', async (request) => ({ length: (await (await request.file())!.toBuffer()).length }))
    },
    asked: [
      {
        method: 'POST',
        path: '/form',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'a=1&b=%C3%BC',
      },
      parts('/parts', 100_000),
      parts('/file', 10),
      parts('/file', 300_000),
    ],
  },
  '@fastify/cors, before the guard and after it': {
    before: (app) => app.register(cors, { origin: true, credentials: true }),
    app(app) {
      app.get('/', async () => 'ok')
      app.get('/error', async () => {
        throw new Error('with CORS')
      })
    },
    asked: [
      { headers: { origin: 'https://a.test' } },
      { path: '/error', headers: { origin: 'https://a.test' } },
      {
        method: 'OPTIONS',
        headers: { origin: 'https://a.test', 'access-control-request-method': 'PUT' },
      },
    ],
  },
  '@fastify/cors, after the guard': {
    async app(app) {
      await app.register(cors, { origin: 'https://a.test' })
      app.get('/', async () => 'ok')
    },
    asked: [
      { headers: { origin: 'https://a.test' } },
      { method: 'OPTIONS', headers: { origin: 'https://b.test', 'access-control-request-method': 'PUT' } },
    ],
  },
}

function parts(path: string, bytes: number) {
  const body = [
    '--edge',
    'content-disposition: form-data; name="field"',
    '',
    'value',
    '--edge',
    'content-disposition: form-data; name="upload"; filename="a.bin"',
    'content-type: application/octet-stream',
    '',
    'x'.repeat(bytes),
    '--edge--',
    '',
  ].join('\r\n')
  return { method: 'POST', path, headers: { 'content-type': 'multipart/form-data; boundary=edge' }, body }
}
