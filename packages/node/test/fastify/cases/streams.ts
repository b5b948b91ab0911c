import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import type { Case } from '../parity.ts'

const get = (...paths: string[]) => paths.map((path) => ({ path }))

/** Streams that break, and such as are slow. */
export const streams: Record<string, Case> = {
  'a stream that breaks before anything of it was sent': {
    app(app) {
      app.get('/missing', (_request, reply) => reply.send(createReadStream('/nowhere/at/all')))
      app.get('/error', (_request, reply) => {
        reply.type('text/html')
        const broken = new PassThrough()
        setImmediate(() => broken.destroy(new Error('broken at once')))
        return reply.send(broken)
      })
      app.get(
        '/web',
        async () => new ReadableStream({ start: (controller) => controller.error(new Error('broken')) }),
      )
      app.get('/locked', async () => {
        const locked = new Blob(['x']).stream()
        locked.getReader()
        return locked
      })
      app.get('/destroyed', async () => {
        const destroyed = Readable.from(['x'])
        destroyed.destroy()
        return destroyed
      })
      app.get('/ok', async () => 'ok')
    },
    asked: get('/missing', '/error', '/web', '/locked', '/ok'),
  },
  'a file, and one that ends with its reader': {
    app(app) {
      app.get('/', (_request, reply) =>
        reply.type('text/javascript').send(createReadStream(import.meta.filename)),
      )
    },
    asked: [...get('/'), { method: 'HEAD', path: '/' }, ...get('/')],
  },
  'a slow stream': {
    app(app) {
      app.get('/', (_request, reply) => {
        async function* slowly() {
          for (let count = 0; count < 5; count++) {
            await new Promise(setImmediate)
            yield `${count}\n`
          }
        }
        return reply.send(Readable.from(slowly()))
      })
    },
    asked: get('/', '/'),
  },
}
