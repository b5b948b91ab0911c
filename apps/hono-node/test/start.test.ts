import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

/** The example as `npm start` runs it, and the lines that it prints. */
async function started(): Promise<{
  url: string
  line(start: string): Promise<string>
  stop(): Promise<unknown>
}> {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: '0', LIMIT_MS: '600', LOG: 'text' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
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
    line,
    stop: () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      return exited
    },
  }
}

test('the start prints its address, curl lines to paste, and then a line for each ending', async () => {
  const { url, line, stop } = await started()
  expect(await line('curl -i ')).toContain(`${url}/short`)
  await line('How each request ends')

  expect((await fetch(`${url}/short`)).status).toBe(200)
  expect(await line('200 GET /short')).toMatch(/^200 GET \/short: completed after \d+ ms$/)
  expect((await fetch(`${url}/long?name=Ada`)).status).toBe(503)
  expect(await line('503 GET /long')).toMatch(/: timed-out while handling after \d+ ms$/)
  expect(await line('gRPC SayHello(Ada): cancelled')).toBeTruthy()
  const leaving = new AbortController()
  const left = expect(fetch(`${url}/long?name=Eve`, { signal: leaving.signal })).rejects.toThrow()
  await line('gRPC SayHello(Eve): started')
  leaving.abort()
  await left
  expect(await line('499 GET /long')).toMatch(/: client-closed while handling after \d+ ms$/)
  expect((await fetch(`${url}/panic-late`)).status).toBe(503)
  expect(await line('GET /panic-late')).toMatch(/: abandoned, failed \d+ ms later$/)

  expect(await stop()).toEqual([0, null])
})
