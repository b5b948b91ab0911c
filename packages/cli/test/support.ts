import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseReport, type Report } from '@curfew/core/report'
import { onTestFinished } from 'vitest'
import type { Io } from '../src/io.ts'
import { run } from '../src/run.ts'

/** What `npm run build` makes; these tests are of what is published. */
export const MAIN: string = fileURLToPath(new URL('../dist/main.js', import.meta.url))

type Json = Readonly<Record<string, unknown>>

/** A report as a guard writes it, with what is given instead; of `request` what is given besides. */
export function makeReport({ request, ...rest }: Json = {}): Report {
  return parseReport({
    schema: 1,
    id: '6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01',
    kind: 'failed',
    time: '2026-03-01T09:30:00.000Z',
    fingerprint: '3f2a9c1b5d7e8f60',
    count: 1,
    error: {
      name: 'TypeError',
      message: 'order.items is not iterable',
      stack:
        'TypeError: order.items is not iterable\n    at total (/app/orders.js:12:20)\n    at post (/app/orders.js:31:9)',
    },
    request: {
      id: 'req-1',
      method: 'GET',
      url: 'http://shop.example/orders/42?page=2',
      headers: {},
      ...(request as Json),
    },
    response: { status: 500, headers: { 'content-type': 'application/problem+json' } },
    outcome: { kind: 'failed', status: 500, phase: 'handling' },
    timing: { elapsedMs: 12.34, timeoutMs: 5_000 },
    abandoned: false,
    where: { service: 'shop', version: '1.2.3', pid: 42, runtime: { name: 'node', version: '20.20.2' } },
    ...rest,
  })
}

/** A folder of its own, gone when the test is over. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A file of these reports, or of lines as they are. */
export function fileOf(...lines: readonly (Report | string)[]): string {
  const path = join(temporary(), 'reports.jsonl')
  writeFileSync(path, linesOf(...lines))
  return path
}

export function linesOf(...lines: readonly (Report | string)[]): string {
  return lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
}

export interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the command in this process. */
export async function curfew(
  argv: readonly string[],
  instead: Partial<Io> & { input?: string | Buffer } = {},
): Promise<Result> {
  const { input = '', ...rest } = instead
  let out = ''
  let err = ''
  const code = await run(argv, {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: {
      isTTY: false,
      columns: undefined,
      async write(text) {
        out += text
      },
    },
    stderr: {
      write(text) {
        err += text
      },
    },
    env: { LANG: 'C.UTF-8' },
    platform: 'linux',
    untilStopped: () => new AbortController().signal,
    ...rest,
  })
  return { code, out, err }
}

/** A process of the built command, ended with the test if it has not. */
export class Spawned {
  readonly child: ChildProcessWithoutNullStreams
  out = ''
  err = ''
  /** Its exit code; `null` if a signal ended it. */
  readonly ended: Promise<number | null>

  constructor(argv: readonly string[], env: NodeJS.ProcessEnv = {}, main: string = MAIN) {
    const all = { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env }
    this.child = spawn(process.execPath, [main, ...argv], { env: all })
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.out += text
    })
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.err += text
    })
    this.child.stdin.on('error', () => {})
    this.ended = once(this.child, 'close').then(([code]) => code)
    onTestFinished(() => void this.child.kill('SIGKILL'))
  }

  /** Waits until this is on stdout, or on stderr. */
  async says(text: string, from: 'out' | 'err' = 'out'): Promise<void> {
    const stream = from === 'out' ? this.child.stdout : this.child.stderr
    while (!this[from].includes(text)) {
      const [done] = await Promise.race([
        once(stream, 'data').then(() => [false]),
        this.ended.then(() => [true]),
      ])
      if (done && !this[from].includes(text)) throw new Error(`Ended without ${text}: ${this.out}${this.err}`)
    }
  }
}

/** Runs the built command to its end. */
export async function spawned(
  argv: readonly string[],
  { env = {}, main = MAIN }: { env?: NodeJS.ProcessEnv; main?: string } = {},
): Promise<Result> {
  const process = new Spawned(argv, env, main)
  process.child.stdin.end()
  const code = await process.ended
  return { code, out: process.out, err: process.err }
}

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** A server on a free port that keeps what it gets. */
export async function listen(
  answer: (...args: Parameters<RequestListener>) => unknown = (_, response) => response.end(),
): Promise<{ origin: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers, rawHeaders } = request
    received.push({ method, url, headers, rawHeaders, body: Buffer.concat(chunks) })
    await answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** The 500 that a guard answers. */
export const failure: RequestListener = (_, response) => {
  response.writeHead(500, { 'content-type': 'application/problem+json' })
  response.end(
    JSON.stringify({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      code: 'HANDLER_FAILED',
    }),
  )
}
