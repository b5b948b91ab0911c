import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The example as `npm start` runs it, and the lines that it prints. */
export async function started(): Promise<{
  url: string
  /** The file that its reports go to. */
  reports: string
  line(start: string): Promise<string>
  stop(): Promise<unknown>
}> {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'curfew-'))
  const reports = join(folder, 'reports.jsonl')
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: '0', LIMIT_MS: '600', LOG: 'text', REPORTS: reports },
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  const lines: string[] = []
  const output = createInterface(child.stdout).on('line', (line) => lines.push(line))

  async function line(start: string): Promise<string> {
    for (;;) {
      const found = lines.find((each) => each.trimStart().startsWith(start))
      if (found) return found.trim()
      await once(output, 'line')
    }
  }

  const url = /http:\S+(?=,)/.exec(await line('Listening on'))![0]
  return {
    url,
    reports,
    line,
    stop: () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      return exited
    },
  }
}
