import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseReport, type Report } from '@curfew/core/report'
import { expect, test } from 'vitest'
import { started } from './started.ts'

const command = fileURLToPath(new URL('../../../packages/cli/bin/curfew.js', import.meta.url))

/** `npx curfew …`, and what it printed. */
async function curfew(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number]
  return { code, stdout, stderr }
}

function reportsIn(file: string): Report[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map((line) => parseReport(JSON.parse(line)))
}

test('a crash is reported, shown and replayed, and crashes the same way again', async () => {
  const { url, reports, line, stop } = await started()
  const crash = await fetch(`${url}/panic?page=2&token=secret-of-query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer secret-of-header' },
    body: JSON.stringify({ quantity: 0, password: 'secret-of-body' }),
  })
  expect(crash.status).toBe(500)
  await line('500 POST /panic')

  // The block for people, on the server's own terminal, comes last.
  const [report] = await reported(reports, 1)
  expect(report).toMatchObject({
    kind: 'failed',
    error: { name: 'Error', message: 'secret-of-panic' },
    request: {
      id: crash.headers.get('x-request-id'),
      method: 'POST',
      url: `${url}/panic?page=2&token=[redacted]`,
      route: '/panic',
      headers: { authorization: '[redacted]', 'content-type': 'application/json' },
      body: { kind: 'json', value: { quantity: 0, password: '[redacted]' } },
    },
    response: { status: 500 },
    where: { service: 'example', pid: expect.any(Number), runtime: { name: 'node' } },
  })
  expect(report!.error!.stack).toContain('app.')

  const shown = await curfew('show', reports, '--id', report!.id)
  expect(shown).toMatchObject({ code: 0, stderr: '' })
  expect(shown.stdout).toContain('secret-of-panic')

  const refused = await curfew('replay', reports, '--id', report!.id, '--to', url)
  expect(refused.code).not.toBe(0)
  for (const name of ['header.authorization', 'query.token', 'body.password']) {
    expect(refused.stderr).toContain(`--set ${name}=`)
  }

  const given = ['header.authorization=Bearer x', 'query.token=y', 'body.password=z']
  const sets = given.flatMap((value) => ['--set', value])
  const replayed = await curfew('replay', reports, '--id', report!.id, '--to', url, ...sets)
  expect(replayed).toMatchObject({ code: 0, stderr: '' })
  expect(replayed.stdout).toContain('500')

  // The same crash: the server only counts it, and tells how many there were when it stops.
  expect(await stop()).toEqual([0, null])
  const [first, count] = reportsIn(reports)
  expect(count).toMatchObject({ fingerprint: first!.fingerprint, count: 1, repeatOf: first!.id })
  const written = readFileSync(reports, 'utf8')
  for (const secret of ['of-query', 'of-header', 'of-body']) expect(written).not.toContain(secret)
})

/** The reports in the file, once there are so many. */
async function reported(file: string, atLeast: number): Promise<Report[]> {
  for (;;) {
    const { code, stdout } = await curfew('show', file, '--json')
    const shown = code === 0 ? (JSON.parse(stdout) as unknown[]).map(parseReport) : []
    if (shown.length >= atLeast) return shown
  }
}
