import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The folder of the whole repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  /** What was written on stdout and on stderr, in the order in which it came, without colours. */
  readonly output: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

/** Runs a command to its end, whatever that is; it and all that it started are gone afterwards. */
export function run(
  command: string,
  args: readonly string[],
  { cwd = root, env = {}, timeoutMs = 600_000 }: RunOptions = {},
): Promise<Finished> {
  // In a group of its own, because what npm calls a runtime is often a shim that starts the real one.
  const child = spawn(command, args, {
    cwd,
    env: { ...plainEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let stdout = ''
  let output = ''
  child.stdout.on('data', (text: string) => {
    stdout += text
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const end = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // Nobody of the group is left.
    }
  }
  process.once('exit', end)
  const tooLong = setTimeout(() => {
    output += `\nended after ${timeoutMs} ms`
    end()
  }, timeoutMs)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(tooLong)
      process.off('exit', end)
      end()
      resolve({ code, stdout, output: withoutColours(output) })
    })
  })
}

/** As a shell would give it to the command: with the tools of the repository, and nothing of this test runner. */
function plainEnv(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|TEST$|NODE_ENV$|CURFEW_|npm_(?!config_)|FORCE_COLOR$)/.test(name),
  )
  return {
    ...(Object.fromEntries(own) as Record<string, string>),
    PATH: `${root}/node_modules/.bin:${process.env.PATH}`,
    NO_COLOR: '1',
  }
}

function withoutColours(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
}
