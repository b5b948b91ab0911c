import type { Server } from '@curfew/conformance'
import { beforeAll, describe, expect, test } from 'vitest'
import { connect, ending, head, startBun, unique } from './support.ts'

let server: Server
beforeAll(async () => {
  server = await startBun({ guard: { timeoutMs: 400 }, hooksThrow: true })
})

/** Whatever has happened before, the server answers, and what it has written by then has been read. */
async function lives(): Promise<void> {
  const path = unique('/hello')
  expect(await (await fetch(server.url + path)).text()).toBe('hi')
  await ending(server, path)
}

/** Once its handler runs, a client that leaves has one. */
function started(path: string): Promise<unknown> {
  return server.records.waitFor((record) => record.event === 'started' && record.path === path, path)
}

function endingsOf(path: string): readonly unknown[] {
  return server.records.all.filter((record) => record.event === 'ending' && record.path === path)
}

describe('a client', () => {
  test.each(['reset', 'destroy', 'fin'] as const)(
    'that leaves by %s at any moment has one ending at most',
    async (way) => {
      const paths: string[] = []
      for (const route of [
        '/hello',
        '/slow?ms=20',
        '/slow?ms=60000',
        '/signal?ms=60000',
        '/events?ms=20',
        '/bytes?ms=0',
      ]) {
        for (let turns = 0; turns < 4; turns++) {
          const path = unique(route)
          const client = await connect(server)
          client.response().catch(() => {})
          await client.send(head(path))
          for (let turn = 0; turn < turns * 3; turn++) await new Promise((resolve) => setImmediate(resolve))
          client[way]()
          // Nobody is to hold an event stream open.
          if (way === 'fin') setTimeout(() => client.destroy(), 600)
          paths.push(path)
        }
      }
      for (const path of paths) {
        if (path.startsWith('/slow?ms=60000')) continue
        await lives()
        expect(endingsOf(path).length).toBeLessThanOrEqual(1)
      }
    },
  )

  test('that sends a pipeline is answered for one request at most, and nobody else is harmed', async () => {
    const client = await connect(server)
    const paths = [unique('/slow?ms=100'), unique('/hello'), unique('/hello')]
    await client.send(paths.map((path) => head(path)).join(''))
    const answers = (await client.rest()).toString().match(/HTTP\/1\.1 /g) ?? []
    expect(answers.length).toBeLessThanOrEqual(1)
    await lives()
    for (const path of paths) expect(endingsOf(path).length).toBeLessThanOrEqual(1)
  })
})

test('of a thousand requests at once, of which one in five is given up, each has one ending', async () => {
  const visits = Array.from({ length: 1_000 }, async (_, index) => {
    const leaves = index % 5 === 0
    const path = unique(leaves ? '/signal?ms=60000' : '/slow?ms=50')
    const leave = new AbortController()
    if (leaves) void started(path).then(() => leave.abort())
    const result = await fetch(server.url + path, { signal: leave.signal }).then(
      async (response) => `${response.status} ${await response.text()}`,
      () => 'left',
    )
    return { path, leaves, result }
  })
  const results = await Promise.all(visits)
  const kinds = { completed: 0, 'client-closed': 0, 'timed-out': 0, failed: 0 }
  await lives()
  for (const { path, leaves, result } of results) {
    const { kind } = (await ending(server, path)) as { kind: keyof typeof kinds }
    kinds[kind]++
    if (!leaves && kind === 'completed') expect(result).toBe('200 done')
    if (result === '200 done') expect(kind).toBe('completed')
    if (result === 'left') expect(kind).not.toBe('completed')
  }
  expect(kinds.failed).toBe(0)
  expect(kinds.completed).toBeGreaterThan(0)
  expect(kinds['client-closed']).toBeGreaterThan(0)
})
