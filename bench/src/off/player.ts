import { once } from 'node:events'
import { start } from '../child.ts'
import type { Runtime } from '../runtimes.ts'
import type { OffArgs } from './measure.ts'

/** A process that measures when it is its turn. */
export interface Player {
  /** Nanoseconds of a request. */
  turn(): Promise<number>
  /** Its last word: bytes of a request; `null` where the engine does not tell. */
  end(): Promise<number | null>
}

/** Starts one, and waits until it is ready. */
export async function player(runtime: Runtime, args: OffArgs, script = 'off/measure.js'): Promise<Player> {
  const { process: child, lines } = start(runtime, script, args)
  const ended = once(child, 'close')
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${runtime.name}, ${JSON.stringify(args)}: ended`)
    return JSON.parse(value)
  }
  const ask = (word: string) => {
    child.stdin!.write(`${word}\n`)
    return next()
  }
  await next()
  return {
    turn: () => ask('turn'),
    async end() {
      const bytes = await ask('end')
      await ended
      return bytes
    },
  }
}
