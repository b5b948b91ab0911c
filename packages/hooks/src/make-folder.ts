import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder for its owner only, and those that it is in. Node's own `recursive` tries for ever where the system says
 * of a folder that is there that it is not, as it does in /proc.
 *
 * @throws the error of the system, unless there is something already
 */
export function makeFolder(path: string): void {
  if (!made(path)) {
    makeFolder(dirname(path))
    made(path, true)
  }
}

function made(path: string, isLast = dirname(path) === path): boolean {
  try {
    mkdirSync(path, 0o700)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return true
    if (code === 'ENOENT' && !isLast) return false
    throw error
  }
}
