import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { type AppOptions, receipt, routes, sleep } from '@curfew/example-routes'
import { brokenPage, eventStream, largeBody, stalledBody } from '@curfew/example-routes/node'
import { curfew, deadline, recordErrors, scopeOf } from '@curfew/node/express'
import cors from 'cors'
import express, { type ErrorRequestHandler, type Express } from 'express'

/** Routes that each meet a different ending. */
export function createApp({ limitMs, greeter, ...hooks }: AppOptions): Express {
  const app = express()
  const guard = curfew({ timeoutMs: limitMs, ...hooks })
  app.use((_req, res, next) => {
    res.set('x-request-id', randomUUID())
    next()
  })
  app.use(cors(), guard)

  app.get(routes.hello, (_req, res) => {
    res.type('text').send('hi')
  })

  // In time.
  app.get(routes.short, async (_req, res) => {
    await sleep(limitMs / 2)
    res.type('text').send(`done after ${limitMs / 2} ms`)
  })

  // Too slow. The signal stops the upstream call, too: at the deadline, or when the client leaves.
  app.all(routes.long, express.text({ type: () => true }), async (req, res) => {
    const { signal } = scopeOf(req)
    const name = String(req.query.name ?? 'world')
    res.type('text').send(await greeter.sayHello({ name, delayMs: limitMs * 2.5 }, { signal }))
  })

  // Just as slow as it may be: either ending is right, as long as there is one.
  app.get(routes.boundary, async (_req, res) => {
    await sleep(limitMs)
    res.type('text').send('on the line')
  })

  app.get(routes.nocontent, (_req, res) => {
    res.status(204).end()
  })
  app.get(routes.redirect, (_req, res) => res.redirect(routes.hello))

  app.all(routes.panic, express.text({ type: () => true }), () => {
    throw new Error('secret-of-panic')
  })

  // Ignores its signal, and throws when nobody listens any more.
  app.get(routes.panicLate, async () => {
    await sleep(limitMs * 1.5)
    throw new Error('secret-of-panic-late')
  })

  // Half a page, and then an error. It was kept until the page would have ended, so that nobody sees the half.
  app.get(routes.template, async (_req, res) => {
    await pipeline(brokenPage(), res.type('html'))
  })

  app.get(routes.large, (_req, res) => {
    res.send(largeBody())
  })

  // The type says that it goes out as it is written, and that its deadline is over.
  app.get(routes.events, async (_req, res) => {
    await pipeline(eventStream(limitMs / 20), res.type('text/event-stream'))
  })

  // A route may take longer than the others.
  app.post(
    routes.upload,
    deadline(limitMs * 10),
    express.raw({ type: () => true, limit: '10mb' }),
    async (req, res) => {
      res.json(await receipt(req.body))
    },
  )

  // Does everything to its response that an abandoned handler must not get through.
  app.get(routes.leaky, async (_req, res) => {
    res.set('x-leak', 'before').cookie('secret', 'before')
    await sleep(limitMs * 1.2)
    res.set('x-leak', 'after').cookie('secret', 'after').status(200)
    for (let i = 0; i < 5; i++) {
      res.write('secret-of-leaky')
      await sleep(limitMs / 50)
    }
    res.send('secret-of-leaky')
  })

  // A stream that dries up: past `streamIdleMs` the connection is reset, for a clean end would be a lie.
  app.get(routes.stalled, curfew({ streamIdleMs: limitMs / 4 }), async (_req, res) => {
    res.flushHeaders()
    await pipeline(stalledBody(), res)
  })

  app.get(routes.early, (_req, res, next) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    next()
  })

  app.get(routes.stats, (_req, res) => {
    res.json(guard.stats)
  })

  app.use(recordErrors(), answerErrors)
  return app
}

/** Express would show the stack to the client, unless it runs in production. */
const answerErrors: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error)
  res.status(error.status ?? 500).json({ code: 'HANDLER_FAILED', requestId: res.get('x-request-id') })
}
