import express from 'express'

/** An app that has its answer from a callback, shortly after its client has had another one, and sends it as apps do. */
export function serveLate(limit, stats = () => undefined) {
  let sent = 0
  const app = express()
  app.get('/stats', (_req, res) => res.json({ sent, stats: stats() }))
  app.use(...limit)
  app.get('/late', (_req, res) => {
    res.once('close', () => {
      setTimeout(() => {
        sent++
        res.send('late')
      }, 10)
    })
  })
  // Express would log each timeout with its stack.
  app.use((error, _req, res, _next) => res.sendStatus(error.status ?? 500))
  const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port))
  process.on('disconnect', () => process.exit())
}
