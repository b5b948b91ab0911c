import { fstatSync, readSync } from 'node:fs'

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Stops the thread: there is no other way to wait at the end of a process. */
export function sleep(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms)
}

/**
 * Waits for bytes that another thread is appending to a file, at `from` or later, and says whether they are there
 * within a second. Of what is no file that cannot be seen, and it is trusted.
 */
export function awaitBytes(fd: number, bytes: Buffer, from: number): boolean {
  if (!fstatSync(fd).isFile()) return true
  for (let waited = 0; waited < 1_000; waited++) {
    if (readFrom(fd, from).includes(bytes)) return true
    sleep(1)
  }
  return false
}

function readFrom(fd: number, from: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - from))
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from))
}
