import { type AttackOptions, LIMIT_MS, logs, type Storm, send, stormOf } from './attack.ts'
import { politeClient } from './polite-client.ts'
import { type RunningTarget, startTarget } from './start-target.ts'
import { peers } from './targets.ts'

/** What broke in a target that is not ours. */
export interface PeerResult extends Storm {
  /** How often its process ended, and what it said then, some of the times. */
  readonly crashes: number
  readonly lastWords: readonly string[]
  /** Requests that were answered as they must not be, by kind, and some of them. */
  readonly wrong: Readonly<Record<string, number>>
  readonly complaints: readonly string[]
  /** Connections that could not be made. */
  readonly refused: number
}

const KEPT = 3

/** The same plan against what others have: it is started again each time that it crashes. */
export async function attackPeer(options: AttackOptions): Promise<PeerResult> {
  const { module, protocol } = peers[options.target]!
  const { log, seenLog, remove } = logs()
  const lastWords: string[] = []
  let crashes = 0
  let isOver = false
  let server = await start(0)
  const { port } = server

  async function start(port: number): Promise<RunningTarget> {
    const started = await startTarget(options.runtime, { module, limitMs: LIMIT_MS, log, port })
    void started.ended.then(async () => {
      if (isOver) return
      crashes++
      if (lastWords.length < KEPT) lastWords.push(started.said())
      server = await start(port === 0 ? started.port : port)
    })
    return started
  }

  try {
    const polite = politeClient(port, protocol)
    const storm = await send(options, { prefix: 's', port, log: seenLog })
    const { wrong, complaints, failed: refused } = storm
    return {
      ...stormOf(storm, await polite.stop(), options),
      crashes,
      lastWords,
      wrong,
      complaints,
      refused,
    }
  } finally {
    isOver = true
    await server.stop()
    remove()
  }
}
