import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Fixture, type Protocol, selfSigned, startServer } from '@curfew/conformance'
import { routes } from '@curfew/example-routes'
import { afterAll } from 'vitest'

// Long enough for a client to leave before it on a busy machine.
const limitMs = 1_000

/** The example as `npm start` runs it, in a process of its own, with a shorter limit and its log as JSON. */
export function example(protocol: Protocol): Fixture {
  return { limitMs, protocols: [protocol], start }
}

async function start(protocol: Protocol): ReturnType<Fixture['start']> {
  const server = await startServer({
    command: process.execPath,
    args: [fileURLToPath(new URL('../dist/main.js', import.meta.url))],
    env: { LIMIT_MS: String(limitMs), PORT: '0', LOG: 'json', PROTOCOL: protocol, ...files() },
  })
  return { ...server, routes }
}

let folder: string | undefined

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true })
})

/** What the example reads and writes; it goes when the tests have run. */
function files(): { TLS_CERT: string; TLS_KEY: string; REPORTS: string } {
  const fresh = folder === undefined
  folder ??= mkdtempSync(join(tmpdir(), 'curfew-'))
  const [TLS_CERT, TLS_KEY, REPORTS] = ['cert.pem', 'key.pem', 'reports.jsonl'].map((file) =>
    join(folder!, file),
  ) as [string, string, string]
  if (fresh) {
    const { cert, key } = selfSigned()
    writeFileSync(TLS_CERT, cert)
    writeFileSync(TLS_KEY, key, { mode: 0o600 })
  }
  return { TLS_CERT, TLS_KEY, REPORTS }
}
