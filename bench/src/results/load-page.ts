import type { LoadResults, LoadRun } from '../load/load.ts'
import { ratios, spread } from '../numbers.ts'
import { figure, table, withSpread } from './markdown.ts'

/** Servers whose clients leave, or whose handlers never answer. */
export function loadPage(results: LoadResults): string {
  const sections = ['## Clients that leave, handlers that never answer', about]
  for (const [runtime, byServer] of Object.entries(results)) {
    const rows = Object.entries(byServer).flatMap(([server, byScenario]) => {
      const bareName = `${server.split(',')[0]}, bare`
      const isBare = server === bareName
      return Object.entries(byScenario).map(([scenario, runs]) => {
        const bare = byServer[bareName]![scenario]!
        const of = (value: (run: LoadRun) => number) => spread(runs.map(value)).median
        const against = (value: (run: LoadRun) => number) =>
          isBare ? '' : withSpread(ratios(runs.map(value), bare.map(value)), '×')
        const perSecond = ({ answered, seconds }: LoadRun) => answered / seconds
        const late = runs.flatMap((run) => run.late ?? [])
        return [
          `${/guardListener|timeoutMs/.test(server) ? `**${server}**` : server}: ${scenario}`,
          figure(of(perSecond)),
          against(perSecond),
          figure(of((run) => run.cpuMicros)),
          against((run) => run.cpuMicros),
          [of((run) => run.p50Ms), of((run) => run.p99Ms), of((run) => run.p999Ms)].map(figure).join(' / '),
          late.length === 0
            ? ''
            : `${figure(spread(late.map(({ p50Ms }) => p50Ms)).median)} / ${figure(spread(late.map(({ p99Ms }) => p99Ms)).median)}`,
        ]
      })
    })
    sections.push(
      `### ${runtime}, with some who leave`,
      table(
        [
          '',
          'answers/s',
          'of bare',
          'CPU µs',
          'of bare',
          'latency ms, p50 / p99 / p99.9',
          '503 after the limit, ms, p50 / p99',
        ],
        rows,
      ),
    )
  }
  return sections.join('\n\n')
}

const about = `64 connections of a generator of our own, in a process of its own; the handler waits for a timer of 2 ms. Those who
leave close their connection after 1 ms and come back on another one. For each hundredth answer there is one request more, on
a connection of its own, to a handler that never settles; the limit is 500 ms, and who has no answer after a second gives up,
as all do with a bare server. CPU is the server's for each request, answered or not.`
