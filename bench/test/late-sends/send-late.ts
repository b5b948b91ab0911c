import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const LIMIT_MS = 100

/** What became of clients whose handler was too late, and of the process that it ran in. */
export interface LateSends {
  /** How many clients there were. */
  readonly clients: number
  /** How many of them have had exactly one response, by its status; the rest have had none, or more. */
  readonly answeredOnce: Readonly<Record<number, number>>
  /** How many handlers have sent after their deadline, as far as the process lived to tell. */
  readonly sent: number
  /** The exit code of the process, if it has ended by itself, and what it said. */
  readonly exitCode: number | undefined
  readonly said: string
  /** What the guard counted. */
  readonly stats: unknown
}

/**
 * So many requests to a process of its own, so many at once, each on a connection that its client keeps until all of them
 * have been sent an answer too late.
 */
export async function sendLate(script: string, clients: number, atOnce: number): Promise<LateSends> {
  const child = fork(new URL(`${script}.js`, import.meta.url), {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', LIMIT_MS: String(LIMIT_MS) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  let exitCode: number | undefined
  const ended = once(child, 'exit').then(([code]) => {
    exitCode = code
  })
  try {
    const port = await Promise.race([once(child, 'message').then(([port]) => port as number), ended])
    if (port === undefined) throw new Error(`${script} did not start: ${said}`)
    const received: string[] = []
    let numbers: Numbers = { sent: 0, stats: undefined }
    while (received.length < clients) {
      const waiting = Array.from(
        { length: Math.min(atOnce, clients - received.length) },
        () => new Waiting(port),
      )
      await Promise.all(waiting.map(({ answered }) => answered))
      const all = received.length + waiting.length
      numbers = (await numbersOf(port)) ?? numbers
      while (exitCode === undefined && numbers.sent < all) {
        await Promise.race([ended, pause()])
        numbers = (await numbersOf(port)) ?? numbers
      }
      for (const client of waiting) received.push(client.leave())
    }
    return { clients, answeredOnce: count(received), ...numbers, exitCode, said }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** A client that stays. */
class Waiting {
  /** Settles once something has come, or the connection has ended. */
  readonly answered: Promise<unknown>
  private readonly socket: Socket
  private text = ''

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.setEncoding('latin1').on('data', (chunk) => {
      this.text += chunk
    })
    this.answered = new Promise((resolve) => {
      this.socket.once('data', resolve)
      this.socket.once('close', resolve)
    })
    this.socket.write('GET /late HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
  }

  leave(): string {
    this.socket.destroy()
    return this.text
  }
}

interface Numbers {
  readonly sent: number
  readonly stats: unknown
}

async function numbersOf(port: number): Promise<Numbers | undefined> {
  try {
    return (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Numbers
  } catch {
    return undefined
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}

function count(received: string[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const text of received) {
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
    if (statuses.length === 1) counts[statuses[0]!] = (counts[statuses[0]!] ?? 0) + 1
  }
  return counts
}
