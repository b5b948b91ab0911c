import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Runtime } from '../../runtimes.ts'
import { type RunningTarget, startTarget } from '../start-target.ts'
import type { TargetArgs } from '../target-process.ts'

/** When a process has ended by itself, in milliseconds since 1970, until when there was nobody, and what it died of. */
export interface Death {
  readonly from: number
  to: number
  readonly of: string
}

/** A target that is started again, on the same port, whenever it has ended. */
export interface Supervised {
  readonly port: number
  readonly deaths: readonly Death[]
  /** The process that runs now. */
  current(): Promise<RunningTarget>
  stop(): Promise<void>
}

/** @param port 0 for a target that is not to end: it chooses one */
export async function supervise(runtime: Runtime, args: TargetArgs): Promise<Supervised> {
  const deaths: Death[] = []
  let isStopping = false
  let running: Promise<RunningTarget> = start()
  const { port } = await running

  async function start(): Promise<RunningTarget> {
    const target = await startTarget(runtime, args, { quiet: true })
    void target.ended.then(() => {
      if (!isStopping) restart(target)
    })
    return target
  }

  function restart(dead: RunningTarget): void {
    const death: Death = { ...causeOf(dead.said()), to: Number.POSITIVE_INFINITY }
    deaths.push(death)
    running = start()
    void running.then(() => {
      death.to = Date.now()
    })
  }

  return {
    port,
    deaths,
    current: () => running,
    async stop() {
      isStopping = true
      await (await running).stop()
    },
  }
}

interface LastWords {
  readonly diedAt: number
  readonly answering: string
  readonly message: string
  readonly code?: string
}

function causeOf(said: string): { from: number; of: string } {
  const line = /^\{"diedAt":.*\}$/m.exec(said)?.[0]
  if (!line) return { from: Date.now(), of: said.trim().split('\n').slice(-3).join(' ') }
  const { diedAt, answering, message, code }: LastWords = JSON.parse(line)
  return {
    from: diedAt,
    of: `${code ?? message}${code === 'ERR_HTTP_HEADERS_SENT' ? ` for request ${answering}` : ''}`,
  }
}

/** One that no client's own end of a connection may have: those are above. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      await new Promise((resolve) => server.close(resolve))
      return port
    } catch {}
  }
}
