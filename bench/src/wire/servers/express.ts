import { curfew } from '@curfew/node/express'
import timeout from 'connect-timeout'
import express, { type RequestHandler } from 'express'
// @ts-expect-error it has no types
import timeoutHandler from 'express-timeout-handler'
import { HOST, LIMIT_MS, TEXT, workAt } from '../work.ts'
import { listening, type Servers } from './servers.ts'

function serve(...middleware: RequestHandler[]): Promise<number> {
  const app = express()
  // What it writes of errors is not what is measured.
  app.set('env', 'test')
  for (const each of middleware) app.use(each)
  app.get('/:work', (req, res) => {
    const work = workAt(req.path)
    if (!work) return void res.send(TEXT)
    return work.then(() => void res.send(TEXT))
  })
  return listening(app.listen(0, HOST))
}

export const servers: Servers = {
  bare: () => serve(),
  'connect-timeout': () =>
    serve(timeout(`${LIMIT_MS}ms`), (req, _res, next) => {
      if (!req.timedout) next()
    }),
  'express-timeout-handler': () =>
    serve(
      timeoutHandler.handler({
        timeout: LIMIT_MS,
        onTimeout: (_req: unknown, res: express.Response) => void res.status(503).send('late'),
      }),
    ),
  'curfew()': () => serve(curfew({ timeoutMs: LIMIT_MS })),
}
