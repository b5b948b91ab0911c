import * as fs from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from './make-folder.ts'

/** For its owner only. */
const MODE = 0o600

/**
 * A named pipe must not keep anybody waiting for who reads it: the threads that work on files are four, and a process
 * does not end before they do. Of files this changes nothing, and Windows does not know it.
 */
const { O_APPEND, O_CREAT, O_RDWR, O_WRONLY, O_NONBLOCK = 0 } = fs.constants

/** Written, and read at the end. */
const FLAGS = O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK

/** Who opens a pipe to read, too, is a reader, and writes to himself. */
const WRITE_ONLY = O_WRONLY | O_APPEND | O_NONBLOCK

/**
 * Opens a file to append to it, and makes it if need be, with its folder.
 *
 * @throws the error of the system; `ENXIO` for a named pipe that nobody reads
 */
export async function openToAppend(path: string): Promise<FileHandle> {
  if (await isPipe(path)) return open(path, WRITE_ONLY)
  try {
    return await open(path, FLAGS, MODE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    makeFolder(dirname(path))
    return open(path, FLAGS, MODE)
  }
}

/** The same before it returns. */
export function openToAppendNow(path: string): number {
  makeFolder(dirname(path))
  return fs.statSync(path, { throwIfNoEntry: false })?.isFIFO()
    ? fs.openSync(path, WRITE_ONLY)
    : fs.openSync(path, FLAGS, MODE)
}

/** Opens what there is. */
export function openToSync(path: string): Promise<FileHandle> {
  return open(path, WRITE_ONLY)
}

/** What keeps it from being looked at is told by who opens it. */
async function isPipe(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFIFO()
  } catch {
    return false
  }
}
