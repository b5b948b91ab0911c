import { expect, test } from 'vitest'
import { curfew, fileOf, makeReport } from '../test/support.ts'

const file = (): string =>
  fileOf(
    makeReport({ id: 'a', time: '2026-03-01T09:00:00.000Z' }),
    makeReport({ id: 'b', time: '2026-03-01T09:10:00.000Z', count: 3, repeatOf: 'a' }),
    makeReport({
      id: 'c',
      kind: 'timed-out',
      fingerprint: 'ffff',
      error: undefined,
      request: { method: 'POST', route: '/orders' },
    }),
    makeReport({
      id: 'c',
      kind: 'late',
      fingerprint: 'ffff',
      time: '2026-03-01T09:30:05.000Z',
      error: undefined,
      request: { method: 'POST', route: '/orders' },
    }),
  )

test('requests are counted by kind, by route and by fingerprint', async () => {
  const { code, out } = await curfew(['stats', file()], { env: { LANG: 'C.UTF-8', COLUMNS: '66' } })
  expect(code).toBe(0)
  expect(out).toBe(`5 requests in 4 reports

By kind
  failed  4  ${'█'.repeat(53)}
  late    1  ${'█'.repeat(13)}▎

By route
  GET /orders/:id  4  ${'█'.repeat(44)}
  POST /orders     1  ${'█'.repeat(11)}

By fingerprint
  3f2a9c1b5d7e8f60  4  ${'█'.repeat(43)}
    TypeError: order.items is not iterable
    at total (/app/orders.js:12:20)
    first 2026-03-01T09:00:00.000Z, last 2026-03-01T09:10:00.000Z
  ffff              1  ${'█'.repeat(10)}▊
    first 2026-03-01T09:30:00.000Z, last 2026-03-01T09:30:05.000Z
`)
})

test('for machines it is one JSON document', async () => {
  const { out } = await curfew(['stats', file(), '--json'])
  expect(JSON.parse(out)).toEqual({
    reports: 4,
    requests: 5,
    kinds: [
      { kind: 'failed', count: 4 },
      { kind: 'late', count: 1 },
    ],
    routes: [
      { method: 'GET', route: '/orders/:id', count: 4 },
      { method: 'POST', route: '/orders', count: 1 },
    ],
    fingerprints: [
      {
        fingerprint: '3f2a9c1b5d7e8f60',
        count: 4,
        error: {
          name: 'TypeError',
          message: 'order.items is not iterable',
          frame: 'at total (/app/orders.js:12:20)',
        },
        first: '2026-03-01T09:00:00.000Z',
        last: '2026-03-01T09:10:00.000Z',
      },
      { fingerprint: 'ffff', count: 1, first: '2026-03-01T09:30:00.000Z', last: '2026-03-01T09:30:05.000Z' },
    ],
    others: { routes: 0, fingerprints: 0 },
  })
})

test('of many only the top is shown, with how many requests the others are', async () => {
  const path = fileOf(
    ...Array.from({ length: 30 }, (_, index) => makeReport({ id: `${index}`, fingerprint: `f${index}` })),
  )
  const { out } = await curfew(['stats', path, '--top', '4'])
  expect(out.match(/^ {2}f\d+ /gm)).toHaveLength(4)
  expect(out).toContain('and 26 requests of others')
})

test('without UTF-8 all of it is ASCII, and no line is wider than the terminal', async () => {
  const wide = makeReport({
    request: { route: `/${'東京'.repeat(50)}` },
    error: { name: 'E', message: '\u001b[2J\n'.repeat(100) },
  })
  for (const LANG of ['C', 'C.UTF-8']) {
    const { out } = await curfew(['stats', fileOf(wide)], { env: { LANG, COLUMNS: '50' } })
    expect(out).not.toContain('\u001b')
    if (LANG === 'C') expect(out).toMatch(/#{5}/)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(50)
  }
})
