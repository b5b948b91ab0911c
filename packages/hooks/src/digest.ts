import type { Report } from '@curfew/core/report'
import { duration } from './amounts.ts'
import { fitMiddle, fitOne } from './fit.ts'
import { kindOf, lateOf, repeatsOf } from './phrases.ts'
import { rowsOfError } from './pretty-error.ts'
import { styles } from './styles.ts'

/** What a chat tells of a report: lines that can be shown as they are, except for what the chat itself takes for more. */
export interface Digest {
  /** One line, at most 100 characters. */
  readonly title: string
  /** What was thrown, with its causes. */
  readonly error: readonly string[]
  /** When, where, which. */
  readonly facts: readonly string[]
}

const WIDTH = 100
const VIEW = { width: WIDTH, style: styles(false), details: false }

export function digestOf(report: Report): Digest {
  const { outcome, request } = report
  const rows = rowsOfError(report.error, VIEW)
  return {
    title: fitOne(`${kindOf(report)} ${outcome.status}: ${request.method} ${placeOf(request)}`, WIDTH),
    error: rows.flatMap(([label, [first = '', ...rest]], index) => [
      index === 0 ? first : `${label.trim()}: ${first}`,
      ...rest,
    ]),
    facts: factsOf(report),
  }
}

function placeOf({ route, url }: Report['request']): string {
  return route ?? (URL.canParse(url) ? new URL(url).pathname : url)
}

function factsOf(report: Report): string[] {
  const { timing, request, where, time, id } = report
  const { service, version, region, hostname } = where
  const facts = [
    repeatsOf(report),
    lateOf(report),
    fitMiddle(`${request.method} ${request.url}`, WIDTH),
    [[service, version].filter(Boolean).join(' '), region, hostname].filter(Boolean).join(', '),
    `${time}, after ${duration(timing.elapsedMs)}`,
    `request ${request.id}`,
    `report ${id}`,
  ]
  return facts.filter((fact): fact is string => Boolean(fact)).map((fact) => fitOne(fact, WIDTH))
}

/** As many of the lines as have room; `…` says that there were more. */
export function within(lines: readonly string[], room: number, size: (line: string) => number): string[] {
  const kept: string[] = []
  let left = room - size('…') - 1
  for (const line of lines) {
    left -= size(line) + 1
    if (left < 0) return [...kept, '…']
    kept.push(line)
  }
  return kept
}

const encoder = new TextEncoder()

export function bytesOf(text: string): number {
  return encoder.encode(text).length
}
