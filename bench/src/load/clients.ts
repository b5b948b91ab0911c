import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { done, given } from '../child.ts'
import { quantile } from '../numbers.ts'
import { HOST, LIMIT_MS, paths } from '../wire/work.ts'

export interface ClientsArgs {
  readonly port: number
  readonly seconds: number
  readonly connections: number
  /** The share of requests whose client leaves before there is an answer. */
  readonly leaving: number
  /** For each answer so many requests more, on connections of their own, to a handler that never answers. */
  readonly unanswered: number
}

export interface ClientsResult {
  readonly asked: number
  readonly answered: number
  readonly left: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Of those whose handler never answered: how long after the limit they were answered all the same, if they were. */
  readonly late: { readonly p50Ms: number; readonly p99Ms: number; readonly count: number } | null
}

const { port, seconds, connections, leaving, unanswered } = given<ClientsArgs>()
/** How long somebody waits who is never answered, in milliseconds. */
const GIVEN_UP_MS = LIMIT_MS * 2
const latencies: number[] = []
const late: number[] = []
let asked = 0
let left = 0
const started = performance.now()
const until = started + seconds * 1_000

await Promise.all(Array.from({ length: connections }, () => client()))
const took = (performance.now() - started) / 1_000
// Those who are asking in vain are waited for, to know how late they are answered; that is no time for the others.
if (unanswered > 0) await sleep(GIVEN_UP_MS)
latencies.sort((a, b) => a - b)
late.sort((a, b) => a - b)
done({
  asked,
  answered: latencies.length,
  left,
  seconds: took,
  p50Ms: quantile(latencies, 0.5),
  p99Ms: quantile(latencies, 0.99),
  p999Ms: quantile(latencies, 0.999),
  late:
    late.length > 0 ? { p50Ms: quantile(late, 0.5), p99Ms: quantile(late, 0.99), count: late.length } : null,
} satisfies ClientsResult)

/** Asks, waits for the answer, and asks again; or leaves, and comes back on another connection. */
async function client(): Promise<void> {
  let socket = await open()
  while (performance.now() < until) {
    const start = performance.now()
    asked++
    if (leaving > 0 && Math.random() < leaving) {
      ask(socket, paths.work)
      await sleep(1)
      socket.destroy()
      left++
      socket = await open()
      continue
    }
    await answered(socket, paths.work)
    latencies.push(performance.now() - start)
    if (unanswered > 0 && Math.random() < unanswered) void askInVain()
  }
  socket.destroy()
}

async function askInVain(): Promise<void> {
  asked++
  const socket = await open()
  const timer = setTimeout(() => socket.destroy(), GIVEN_UP_MS)
  const start = performance.now()
  try {
    await answered(socket, paths.never)
    late.push(performance.now() - start - LIMIT_MS)
  } catch {
    left++
  }
  clearTimeout(timer)
  socket.destroy()
}

async function open(): Promise<Socket> {
  const socket = connect({ port, host: HOST, noDelay: true })
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  // Whoever waits for an answer hears of the end by 'close'.
  socket.on('error', () => {})
  return socket
}

function ask(socket: Socket, path: string): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
}

function answered(socket: Socket, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!isWhole(text)) return
      socket.off('data', onData)
      socket.off('close', onClose)
      resolve()
    }
    const onClose = () => reject(new Error(`The server closed the connection of ${path}`))
    socket.on('data', onData)
    socket.once('close', onClose)
    ask(socket, path)
  })
}

function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1]
  return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= head + 4 + Number(length)
}
