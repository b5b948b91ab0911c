import * as fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { awaitBytes, sleep } from './await-bytes.ts'
import { openToAppend, openToAppendNow, openToSync } from './open-to-append.ts'
import { rotate } from './rotate.ts'

/** A line with its end, and how many bytes it has. */
export interface Line {
  readonly text: string
  readonly bytes: number
}

/** What became of some lines: the first `written` of them are in the file, the others failed. */
export interface Appended<L extends Line> {
  readonly lines: readonly L[]
  readonly written: number
  readonly error?: unknown
}

interface Opened {
  readonly handle: FileHandle
  readonly stats: fs.Stats
  /** What has to come before the next line: the end of one that a crash has torn, or nothing. */
  readonly prefix: '' | '\n'
}

const NEWLINE = 10

/** How long to let somebody else move the full file aside, or read what is in a pipe, before another look at it. */
const PAUSE_MS = 5

/** A pipe of which nothing is read for so many milliseconds takes nothing more. */
const PATIENCE_MS = 1_000

/**
 * A file that lines are appended to, and that makes room for a new one when it is full. It is opened each time, so that
 * it may be moved or deleted by others, and nothing is left open.
 */
export class LogFile {
  private readonly path: string
  private readonly maxBytes: number
  private readonly keep: number
  /** What is being written, at `from` or later, and how many lines it is. */
  private underway: { readonly bytes: Buffer; readonly from: number; readonly lines: number } | undefined
  /** Whether what was written last ends in the middle of a line, for who cannot look: of a pipe, say. */
  private torn = false
  private synced = true

  constructor(path: string, maxBytes: number, keep: number) {
    this.path = path
    this.maxBytes = maxBytes
    this.keep = keep
  }

  /**
   * Writes the first of the lines, as many as there is room for, in one piece. They stay in the queue until it is known
   * what became of them; others may join them there.
   */
  async append<L extends Line>(queue: L[]): Promise<Appended<L>> {
    let lines: readonly L[] | undefined
    let written = 0
    try {
      const { handle, stats, prefix } = await this.openWithRoom(queue[0]!)
      try {
        const room = this.maxBytes - stats.size - prefix.length
        lines = queue.slice(0, Math.max(1, fitting(queue, room)))
        const bytes = Buffer.from(prefix + textOf(lines))
        this.synced = false
        let since = performance.now()
        for (let done = 0; done < bytes.length; ) {
          this.underway = { bytes, from: stats.size, lines: lines.length }
          try {
            // A pipe takes what it has room for at once; and at the end of a process nobody can see what is in it.
            done += stats.isFIFO()
              ? fs.writeSync(handle.fd, bytes, done)
              : (await handle.write(bytes, done)).bytesWritten
            written = fitting(lines, done - prefix.length)
            this.torn = bytes[done - 1] !== NEWLINE
            since = performance.now()
          } catch (error) {
            if (!mayPass(error, since)) throw error
            // Should the process end meanwhile, nothing is being written.
            this.underway = { bytes, from: stats.size, lines: written }
            await setTimeout(PAUSE_MS)
          }
        }
      } finally {
        // Both at once: the process may end at any moment.
        this.underway = undefined
        queue.splice(0, lines?.length ?? 0)
        await handle.close()
      }
      return { lines, written }
    } catch (error) {
      return { lines: lines ?? queue.splice(0), written, error }
    }
  }

  /**
   * Writes all of the lines before it returns, for the end of the process: the first of them may be those that
   * {@link append} is at. They are given a second to arrive by themselves, or may be there twice.
   */
  appendNow<L extends Line>(lines: readonly L[]): Appended<L> {
    let written = 0
    try {
      const fd = openToAppendNow(this.path)
      try {
        const { underway } = this
        if (underway && awaitBytes(fd, underway.bytes, underway.from)) written = underway.lines
        const prefix = this.isTorn(fd) ? '\n' : ''
        const missing = lines.slice(written)
        const bytes = Buffer.from(prefix + textOf(missing))
        let since = performance.now()
        for (let done = 0; done < bytes.length; ) {
          try {
            done += fs.writeSync(fd, bytes, done)
            written = lines.length - missing.length + fitting(missing, done - prefix.length)
            since = performance.now()
          } catch (error) {
            if (!mayPass(error, since)) throw error
            sleep(PAUSE_MS)
          }
        }
      } finally {
        fs.closeSync(fd)
      }
      return { lines, written }
    } catch (error) {
      return { lines, written, error }
    }
  }

  /** Resolves once what was appended would outlast a power cut. */
  async sync(): Promise<void> {
    if (this.synced) return
    try {
      const handle = await openToSync(this.path)
      try {
        if ((await handle.stat()).isFile()) await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      // Who moved it has it now; ENXIO is a pipe that nobody reads any more.
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENXIO') throw error
    }
    this.synced = true
  }

  private async openWithRoom(line: Line): Promise<Opened> {
    for (;;) {
      const file = await this.open()
      const { handle, stats, prefix } = file
      if (stats.size === 0 || stats.size + prefix.length + line.bytes <= this.maxBytes) return file
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
      if (!rotate(this.path, this.keep, stats)) await setTimeout(PAUSE_MS)
    }
  }

  private async open(): Promise<Opened> {
    const handle = await openToAppend(this.path)
    try {
      const stats = await handle.stat()
      const torn = stats.isFile()
        ? stats.size > 0 && (await handle.read(Buffer.alloc(1), 0, 1, stats.size - 1)).buffer[0] !== NEWLINE
        : this.torn
      return { handle, stats, prefix: torn ? '\n' : '' }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  private isTorn(fd: number): boolean {
    const stats = fs.fstatSync(fd)
    if (!stats.isFile()) return this.torn
    const last = Buffer.alloc(1)
    return stats.size > 0 && fs.readSync(fd, last, 0, 1, stats.size - 1) === 1 && last[0] !== NEWLINE
  }
}

/** Whether it is a pipe that is full, and that has been read of late. */
function mayPass(error: unknown, since: number): boolean {
  return codeOf(error) === 'EAGAIN' && performance.now() - since < PATIENCE_MS
}

/** How many of the lines, from the first, have room in so many bytes. */
function fitting(lines: readonly Line[], room: number): number {
  let [count, used] = [0, 0]
  for (const { bytes } of lines) {
    used += bytes
    if (used > room) break
    count++
  }
  return count
}

function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join('')
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code
}
