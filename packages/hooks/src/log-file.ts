import * as fs from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { awaitBytes } from './await-bytes.ts'
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

/** Written and read at the end; for its owner only. */
const FLAGS = 'a+'
const MODE = 0o600
const FOLDER = { recursive: true, mode: 0o700 } as const
const NEWLINE = 10

/** How long to let somebody else move the full file aside. */
const LOCKED_MS = 5

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
        this.underway = { bytes, from: stats.size, lines: lines.length }
        this.synced = false
        for (let done = 0; done < bytes.length; ) {
          done += (await handle.write(bytes, done)).bytesWritten
          written = fitting(lines, done - prefix.length)
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
  appendNow(lines: readonly Line[]): void {
    const fd = openNow(this.path)
    try {
      const { underway } = this
      const arrived = underway && awaitBytes(fd, underway.bytes, underway.from)
      const missing = arrived ? lines.slice(underway.lines) : lines
      const last = Buffer.alloc(1)
      const stats = fs.fstatSync(fd)
      if (mayBeTorn(stats)) fs.readSync(fd, last, 0, 1, stats.size - 1)
      const bytes = Buffer.from((mayBeTorn(stats) && last[0] !== NEWLINE ? '\n' : '') + textOf(missing))
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done)
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Resolves once what was appended would outlast a power cut. */
  async sync(): Promise<void> {
    if (this.synced) return
    try {
      const handle = await open(this.path, fs.constants.O_WRONLY | fs.constants.O_APPEND)
      try {
        if ((await handle.stat()).isFile()) await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      // Who moved it has it now.
      if (codeOf(error) !== 'ENOENT') throw error
    }
    this.synced = true
  }

  private async openWithRoom(line: Line): Promise<Opened> {
    for (;;) {
      const file = await openToAppend(this.path)
      const { handle, stats, prefix } = file
      if (stats.size === 0 || stats.size + prefix.length + line.bytes <= this.maxBytes) return file
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
      if (!rotate(this.path, this.keep, stats)) await setTimeout(LOCKED_MS)
    }
  }
}

async function openToAppend(path: string): Promise<Opened> {
  const handle = await openInFolder(path)
  try {
    const stats = await handle.stat()
    const torn =
      mayBeTorn(stats) && (await handle.read(Buffer.alloc(1), 0, 1, stats.size - 1)).buffer[0] !== NEWLINE
    return { handle, stats, prefix: torn ? '\n' : '' }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function openInFolder(path: string): Promise<FileHandle> {
  try {
    return await open(path, FLAGS, MODE)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    await mkdir(dirname(path), FOLDER)
    return open(path, FLAGS, MODE)
  }
}

function openNow(path: string): number {
  fs.mkdirSync(dirname(path), FOLDER)
  return fs.openSync(path, FLAGS, MODE)
}

/** Only of a file can the last byte be looked at, and only if there is one. */
function mayBeTorn(stats: fs.Stats): boolean {
  return stats.isFile() && stats.size > 0
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
