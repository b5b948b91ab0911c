// Run by each runtime, with the module of its adapter as the argument. What it does is told line by line, in JSON.
import process from 'node:process'

interface Adapter {
  serve(options: object): {
    readonly isReady: boolean
    readonly listening?: Promise<{ port: number }>
    readonly server: { readonly port?: number; readonly addr?: { port: number } }
    close(options?: object): Promise<object>
  }
}

const { serve }: Adapter = await import(process.argv[2]!)
const { SIGNALS = 'true', SERVERS = '1', ON_CLOSED = '', KEPT = '' } = process.env
const signals = JSON.parse(SIGNALS)

const tell = (event: string, about: object = {}): void => console.log(JSON.stringify({ event, ...about }))
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function fetch(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  tell('started', { pathname })
  if (pathname === '/never') await new Promise(() => {})
  // Until the server has been told to stop, and a little longer.
  while (pathname === '/drain' && server.isReady) await sleep(5)
  return new Response('hello')
}

async function onClosed(closed: object): Promise<void> {
  tell('closed', closed)
  await sleep(50)
  if (ON_CLOSED === 'exitCode') process.exitCode = 7
  if (ON_CLOSED === 'throw') throw new Error('failed to close the database')
  tell('all-closed')
}

async function onOutcome(): Promise<void> {
  await sleep(50)
  tell('hook-done')
}

function start(options: object): ReturnType<Adapter['serve']> {
  return serve({ fetch, port: 0, hostname: '127.0.0.1', timeoutMs: 60_000, ...options })
}

const more = Array.from({ length: Number(SERVERS) - 1 }, () => start({ signals }))
const server = start({
  health: true,
  signals: typeof signals === 'object' ? { ...signals, onClosed } : signals,
  onOutcome,
})
const port = (await server.listening)?.port ?? server.server.port ?? server.server.addr?.port
if (KEPT) setInterval(() => {}, 60_000)
if (KEPT === 'programmatic') setTimeout(() => void server.close().then(() => tell('closed')), 50)
tell('listening', { url: `http://127.0.0.1:${port}`, pid: process.pid, more: more.length })
