import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type RecordLog, recordLog, type ServerRecord } from './record-log.ts'
import { within } from './within.ts'

export type ServerCommand = {
  readonly command: string
  readonly args?: readonly string[]
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** How long `stop` leaves it between SIGTERM and SIGKILL; 5000 by default. */
  readonly graceMs?: number
}

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type Server = {
  /** From the line that said so. */
  readonly url: string
  /** That line, for what else it tells. */
  readonly listening: ServerRecord
  readonly records: RecordLog
  /** What it has written on stderr so far; all of it once `exited` has resolved. */
  stderr(): string
  /** Resolves when the process has ended and its pipes are read to the end. */
  readonly exited: Promise<Exit>
  /** SIGTERM, and SIGKILL for the whole group if that was not enough. */
  stop(): Promise<Exit>
}

const startMs = 20_000

/** Starts a server and resolves when it has written `{"event":"listening","url":…}` on stdout. */
export async function startServer(options: ServerCommand): Promise<Server> {
  // In a group of its own, because what npm calls a runtime is often a shim that starts the real one.
  const child = spawn(options.command, options.args ?? [], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const records = recordLog()
  const strangeLines: string[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    const record = parseRecord(line)
    if (record === undefined) strangeLines.push(line)
    else records.add(record)
  })

  function killGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-child.pid!, signal)
    } catch {
      // Nobody of the group is left.
    }
  }
  const killAtExit = () => killGroup('SIGKILL')
  process.once('exit', killAtExit)

  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      stderr += String(error)
      resolve({ code: null, signal: null })
    })
    child.once('close', (code, signal) => resolve({ code, signal }))
  }).then((exit) => {
    process.off('exit', killAtExit)
    const texts = [`the server exited: ${exit.signal ?? exit.code}`, ...strangeLines, stderr.trim()]
    records.end(texts.filter((text) => text !== '').join('\n'))
    return exit
  })

  let stopped: Promise<Exit> | undefined
  async function end(): Promise<Exit> {
    killGroup('SIGTERM')
    const kill = setTimeout(() => killGroup('SIGKILL'), options.graceMs ?? 5_000)
    const exit = await exited
    clearTimeout(kill)
    // A shim can be gone while what it started is not.
    killGroup('SIGKILL')
    return exit
  }
  function stop(): Promise<Exit> {
    stopped ??= end()
    return stopped
  }

  try {
    const listening = await records.waitFor(({ event }) => event === 'listening', 'listening', startMs)
    if (typeof listening.url !== 'string') throw new Error(`no url: ${JSON.stringify(listening)}`)
    return { url: listening.url, listening, records, stderr: () => stderr, exited, stop }
  } catch (error) {
    await within(stop(), 'the end of a server that did not start')
    throw error
  }
}

function parseRecord(line: string): ServerRecord | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value: ServerRecord = JSON.parse(line)
    return typeof value.event === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
