import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

interface Line {
  readonly ms: number
  readonly who: string
  readonly event: string
  readonly what: string
}

/** The stories that it prints, by their titles. */
function storiesOf(output: string): Map<string, Line[]> {
  const stories = output
    .trim()
    .split('\n\n')
    .map((block): [string, Line[]] => {
      const [title, ...lines] = block.split('\n')
      return [title!, lines.map(lineOf)]
    })
  return new Map(stories)
}

function lineOf(text: string): Line {
  const [, ms, who, event, what] = /^ *(\d+) ms {2}(client|\w+ \(\w+\)) +(\w+) +(.*)$/.exec(text) ?? []
  expect(what, text).toBeTypeOf('string')
  return { ms: Number(ms), who: who!, event: event!, what: what! }
}

const services = ['front (Node)', 'middle (Bun)', 'last (Deno)']
const headers = [
  ['connect-timeout-ms', ''],
  ['x-envoy-expected-rq-timeout-ms', ''],
  ['grpc-timeout', 'm'],
]

test('three services on three runtimes stop together, whichever header they tell each other by', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main], { timeout: 60_000 })
  expect(stderr).toBe('')
  const stories = storiesOf(stdout)
  expect(stories.size).toBe(6)

  for (const [header, unit] of headers) {
    const gaveUp = stories.get(`The front gives up after 500 ms; ${header}`)!
    const left = stories.get(`Its client leaves after 100 ms; ${header}`)!
    const find = (story: Line[], who: string, event: string): Line => {
      const line = story.find((each) => each.who === who && each.event === event)
      expect(line, `${who} ${event}`).toBeDefined()
      return line!
    }

    for (const story of [gaveUp, left]) {
      // Each is told what the one before it has left.
      const has = services.map((who) => Number(/^has (\d+) ms/.exec(find(story, who, 'begins').what)![1]))
      expect(has).toEqual(has.toSorted((a, b) => b - a))
      expect(has[0]).toBeLessThanOrEqual(500)
      for (const who of services.slice(1)) {
        expect(find(story, who, 'begins').what).toMatch(new RegExp(`\\(${header}: \\d+${unit}\\)$`))
      }
      for (const who of services) expect(find(story, who, 'stops').what).not.toContain(', 200')
    }

    // By its own deadline or by that of its caller, who then hangs up or hands on its answer: they are a moment apart.
    for (const who of services) {
      expect(find(gaveUp, who, 'stops').what).toMatch(
        /^(timed-out|client-closed|completed) after \d+ ms(, 503)?$/,
      )
    }
    expect(find(gaveUp, 'client', 'stops').what).toContain('gets 503')

    // On a machine that is very busy the deadline may come before the client's own timer.
    const { ms } = left.find(({ event }) => event === 'leaves') ?? { ms: 500 }
    if (ms > 400) continue
    for (const who of services) {
      expect(find(left, who, 'stops').what).toMatch(/^client-closed after \d+ ms$/)
      expect(find(left, who, 'stops').ms).toBeGreaterThanOrEqual(ms)
    }
  }
})
