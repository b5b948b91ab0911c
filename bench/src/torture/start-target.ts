import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { start } from '../child.ts'
import type { Runtime } from '../runtimes.ts'
import type { State } from './kit.ts'
import type { Command, TargetArgs } from './target-process.ts'

/** A target in a process of its own. */
export interface RunningTarget {
  readonly port: number
  ask<Answer>(command: Command): Promise<Answer>
  /** Resolves when the process has ended. */
  readonly ended: Promise<unknown>
  /** What it has said on its stderr. */
  said(): string
  stop(): Promise<void>
}

const PATIENCE_MS = 15_000
const LOOK_MS = 50

/** @param quiet nothing is printed if the process ends by itself */
export async function startTarget(
  runtime: Runtime,
  args: TargetArgs,
  { quiet = false }: { quiet?: boolean } = {},
): Promise<RunningTarget> {
  const {
    process: child,
    lines,
    said,
  } = start(runtime, 'torture/target-process.js', args, {
    env: { NODE_ENV: 'production' },
    quiet,
  })
  const ended = once(child, 'close')
  async function next<Answer>(): Promise<Answer> {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${runtime.name}, ${args.module}: the target has ended\n${said()}`)
    return JSON.parse(value)
  }
  const { port } = await next<{ port: number }>()
  return {
    port,
    ask(command) {
      child.stdin!.write(`${command}\n`)
      return next()
    },
    ended,
    said,
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Releases those who never settle, and waits until nothing is left, or nothing changes that any more. */
export async function settled(target: RunningTarget): Promise<State> {
  await target.ask('release')
  const giveUpAt = performance.now() + PATIENCE_MS
  let state = await target.ask<State>('state')
  while (isBusy(state) && performance.now() < giveUpAt) {
    await sleep(LOOK_MS)
    state = await target.ask<State>('state')
  }
  return state
}

function isBusy({ active, abandoned, connections, openBodies, reportsPending }: State): boolean {
  return active + abandoned + connections + openBodies.length + reportsPending > 0
}
