import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
// Hooks run in reverse: no process may be left when its folder goes.
import './files.ts'
import { failed } from './reports.ts'

/** How a process ended, and what it said until then. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that runs a module with the packages as they were built. */
export interface Child {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Settles once it has said something on its standard output, or has ended without. */
  readonly spoke: Promise<unknown>
  /** Says something to its standard input. */
  write(text: string): void
  kill(): void
}

const children = new Set<Child>()

afterEach(async () => {
  for (const child of children) child.kill()
  for (const child of children) await child.ended
  children.clear()
})

/**
 * Starts one in which there are: `fs`, `jsonLines`, `diagnosticsChannel`; `path`, as it is given; `fire(hook, number)`,
 * which fires a report with that number for its id. `limits` are arguments of `ulimit`, which it is held to.
 */
export function startChild(path: string, code: string, limits = ''): Child {
  const module = `
    import fs from 'node:fs'
    import { diagnosticsChannel } from '@curfew/hooks/diagnostics-channel'
    import { jsonLines } from '@curfew/hooks/json-lines'
    const path = ${JSON.stringify(path)}
    const failed = ${JSON.stringify(failed)}
    const context = { signal: new AbortController().signal, thrown: new Error('thrown') }
    const fire = (hook, number) => hook.fire({ ...failed, id: String(number) }, context)
    ${code}`
  // A package can import itself from inside its folder.
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const argv = [process.execPath, '--input-type=module', '--eval', module]
  const child = spawn('sh', ['-c', `${limits && `ulimit ${limits} &&`} exec "$0" "$@"`, ...argv], { cwd })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  const started: Child = {
    pid: child.pid!,
    ended,
    spoke: Promise.race([once(child.stdout, 'data'), ended]),
    write: (text) => void child.stdin.write(text),
    kill: () => void child.kill('SIGKILL'),
  }
  children.add(started)
  return started
}
