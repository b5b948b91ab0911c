import * as fs from 'node:fs'

/** After so many milliseconds nobody is moving files any more: who began it was killed meanwhile. */
const STALE_MS = 10_000

/**
 * Moves a full file aside: it becomes `path.1`, which becomes `path.2`, and so on until there is one that is free or
 * has been kept long enough. Nothing is done if the path is another file's by now. It is synchronous, and a folder
 * `path.lock` stands while it lasts: neither hooks nor processes that share the path do it at once. Says `false` if
 * somebody else is at it.
 *
 * @throws the error of the system when something cannot be moved
 */
export function rotate(path: string, keep: number, full: fs.Stats): boolean {
  const lock = `${path}.lock`
  if (!taken(lock)) return false
  try {
    const now = fs.statSync(path, { throwIfNoEntry: false })
    if (now?.ino === full.ino && now.dev === full.dev) moveAside(path, keep)
    return true
  } finally {
    remove(lock)
  }
}

function taken(lock: string): boolean {
  try {
    fs.mkdirSync(lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const since = fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs
    // One of the future was taken before the clock was set back.
    if (since !== undefined && Math.abs(Date.now() - since) > STALE_MS) remove(lock)
    return false
  }
}

/** Also if somebody else has done so. */
function remove(lock: string): void {
  fs.rmSync(lock, { recursive: true, force: true })
}

function moveAside(path: string, keep: number): void {
  if (keep === 0) return fs.unlinkSync(path)
  let free = 1
  while (free < keep && fs.existsSync(`${path}.${free}`)) free++
  for (; free > 1; free--) fs.renameSync(`${path}.${free - 1}`, `${path}.${free}`)
  fs.renameSync(path, `${path}.1`)
}
