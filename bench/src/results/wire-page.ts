import { ratios, spread } from '../numbers.ts'
import type { WireResults, WireRun } from '../wire/wire.ts'
import type { Chart } from './bars.ts'
import { figure, table, withSpread } from './markdown.ts'

/** Whole servers under load. */
export function wirePage(results: WireResults): string {
  const sections = ['## Whole servers', about]
  for (const [runtime, byFamily] of Object.entries(results)) {
    const rows = Object.entries(byFamily).flatMap(([family, byPath]) =>
      Object.entries(byPath).flatMap(([path, byServer]) =>
        Object.entries(byServer).map(([server, runs]) => {
          const bare = byServer.bare!
          const isBare = server === 'bare'
          const of = (key: keyof WireRun) => figure(spread(runs.map((run) => run[key])).median)
          return [
            `${family}, ${path}: ${isOurs(server) ? `**${server}**` : server}`,
            of('perSecond'),
            isBare ? '' : withSpread(ratiosOf(runs, bare, 'perSecond'), '×'),
            of('cpuMicros'),
            isBare ? '' : withSpread(ratiosOf(runs, bare, 'cpuMicros'), '×'),
            [of('p50Micros'), of('p99Micros'), of('p999Micros')].join(' / '),
          ]
        }),
      ),
    )
    sections.push(
      `### ${runtime}, under load`,
      table(['', 'requests/s', 'of bare', 'CPU µs', 'of bare', 'latency µs, p50 / p99 / p99.9'], rows),
    )
  }
  return sections.join('\n\n')
}

const about = `\`wrk\` with one thread and 32 connections, in a process of its own, asks a server in another one as fast as it
answers; \`async\` is a handler that awaits three times, \`sync\` one that answers at once, and nobody is late. Ratios are to the
bare server of the same run; CPU is the server's own processor time for each request, with the garbage collector's and other
threads'. Generator and server share the machine, so differences under 5 % say nothing.`

/** Throughput against the bare server: of one framework everywhere, and of all of them where they all run. */
export function wireCharts(results: WireResults): Record<string, Chart> {
  const groups = Object.entries(results).flatMap(([runtime, byFamily]) =>
    Object.entries(byFamily).map(([family, { async: byServer = {} }]) => ({
      runtime,
      family,
      name: `${family} on ${runtime}`,
      bars: Object.entries(byServer)
        .filter(([server]) => server !== 'bare')
        .map(([server, runs]) => ({
          name: server,
          value: ratiosOf(runs, byServer.bare!, 'perSecond'),
          isOurs: isOurs(server),
        })),
    })),
  )
  const about = {
    title: 'Throughput with a limit, as a share of that without one',
    subtitle:
      'a handler that awaits three times, wrk over loopback; the line is the bare server, more is better',
    line: 1,
  }
  const first = Object.keys(results)[0]
  return {
    'wire.svg': { ...about, groups: groups.filter(({ family }) => family === 'Hono') },
    'frameworks.svg': {
      ...about,
      groups: groups.filter(({ family, runtime }) => family !== 'Hono' && runtime === first),
    },
  }
}

function isOurs(server: string): boolean {
  return /curfew|guard|timeoutMs/.test(server)
}

function ratiosOf(runs: readonly WireRun[], bare: readonly WireRun[], key: keyof WireRun) {
  return ratios(
    runs.map((run) => run[key]),
    bare.map((run) => run[key]),
  )
}
