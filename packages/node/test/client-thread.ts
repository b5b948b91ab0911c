import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'

/** A client on a thread of its own: it gets its reply also while this thread is blocked. */
export interface ClientThread {
  /** Blocks this thread until the client has its whole reply; whether it got one. */
  block(): boolean
  /** The status and the text that it got. */
  readonly reply: Promise<{ readonly status: number; readonly body: string }>
}

/** Longer than any test may take. */
const LONG_MS = 20_000

const script = `
  const { workerData: { port, path, flag }, parentPort } = require('node:worker_threads')
  require('node:http').get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (chunk) => { body += chunk })
    response.on('close', () => {
      parentPort.postMessage({ status: response.statusCode, body })
      Atomics.store(flag, 0, 1)
      Atomics.notify(flag, 0)
    })
  })
`

/** Sends a request from another thread. */
export function clientThread(port: number, path = '/'): ClientThread {
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(script, { eval: true, workerData: { port, path, flag } })
  onTestFinished(async () => void (await worker.terminate()))
  const reply = once(worker, 'message').then(([message]) => message)
  return {
    block: () => Atomics.wait(flag, 0, 0, LONG_MS) !== 'timed-out',
    reply,
  }
}
