import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { addAbortSignal, type Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { CannotReadError, isOfSystem } from './cli-error.ts'
import { FollowedFile } from './followed-file.ts'

/** What becomes of a file that is followed. */
export type Followed =
  | Uint8Array
  /** All that there was has been read, for the first time. */
  | 'caught-up'
  /** There is no file yet; said once. */
  | 'missing'
  /** What comes next is at the beginning of a file: another one has taken its place, or it was emptied. */
  | 'restarted'

const POLL_MS = 200

/**
 * Reads a file and goes on as it grows, until `signal` aborts: also after it was renamed and another one made in its
 * place, after it was emptied, and if it is not there yet. A pipe is read to its end. Looks five times a second.
 *
 * @throws {CannotReadError} if the file cannot be opened or read, unless it is only not there
 */
export async function* follow(path: string, signal: AbortSignal): AsyncGenerator<Followed> {
  let current: FollowedFile | undefined
  let caughtUp = false
  try {
    while (!signal.aborted) {
      const found = await unlessMissing(stat(path, { bigint: true }))
      if (found && !found.isFile() && !found.isDirectory()) {
        yield* followStream(path, createReadStream(path), signal)
        return
      }
      if (current && found && !current.is(found)) {
        // Whoever writes has gone over to the new one, so this is all that there will be.
        yield* current.read(signal)
        await current.close()
        current = undefined
        yield 'restarted'
      } else if (await current?.restarted()) {
        yield 'restarted'
      }
      if (found) current ??= await unlessMissing(FollowedFile.open(path))
      if (current) yield* current.read(signal)
      if (!caughtUp) {
        if (!current) yield 'missing'
        yield 'caught-up'
      }
      caughtUp = true
      await delay(POLL_MS, undefined, { signal }).catch(() => {})
    }
  } catch (error) {
    throw isOfSystem(error) ? new CannotReadError(path, error) : error
  } finally {
    await current?.close()
  }
}

/** The same for what has no place to look at again: all of it is new, until it ends or `signal` aborts. */
export async function* followStream(
  name: string,
  stream: Readable,
  signal: AbortSignal,
): AsyncGenerator<Followed> {
  yield 'caught-up'
  try {
    for await (const chunk of addAbortSignal(signal, stream)) yield chunk
  } catch (error) {
    if (!signal.aborted) throw new CannotReadError(name, error)
  }
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
