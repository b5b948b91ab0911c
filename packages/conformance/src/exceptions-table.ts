import { areasOf, casesOf } from './areas.ts'
import type { Fixture, Protocol } from './fixture.ts'

/** What the suite is run over on a runtime, and what is excepted there. */
export type RuntimeExceptions = Required<Pick<Fixture, 'protocols' | 'exceptions'>>

/** What the runtimes cannot pass, in Markdown: a row for each case that one of them does not, and the reasons below. */
export function exceptionsTable(runtimes: Readonly<Record<string, RuntimeExceptions>>): string {
  const names = Object.keys(runtimes)
  const columns = Object.values(runtimes)
  const cases = [...new Set(columns.flatMap(({ exceptions }) => Object.keys(exceptions)))]
  const reasons: string[] = []

  function cell({ protocols, exceptions }: RuntimeExceptions, name: string): string {
    if (!protocols.some((protocol) => caseNames(protocol).has(name))) return 'n/a'
    const reason = exceptions[name]
    if (reason === undefined) return 'yes'
    if (!reasons.includes(reason)) reasons.push(reason)
    return `no <sup>${reasons.indexOf(reason) + 1}</sup>`
  }

  return [
    row(['', ...names]),
    row(['---', ...names.map(() => ':-:')]),
    ...cases.map((name) => row([name, ...columns.map((column) => cell(column, name))])),
    '',
    ...reasons.map((reason, index) => `${index + 1}. ${reason}.`),
  ].join('\n')
}

function caseNames(protocol: Protocol): Set<string> {
  return new Set(areasOf(protocol).flatMap((area) => casesOf(area, protocol).map(({ name }) => name)))
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
