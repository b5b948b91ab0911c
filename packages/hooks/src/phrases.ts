import type { Report } from '@curfew/core/report'
import { duration } from './amounts.ts'

/** What is told of a report in the same words wherever it is told; as yet nothing in it is made printable. */

export function kindOf({ kind }: Report): string {
  return kind.replace('-', ' ')
}

export function repeatsOf({ count, repeatOf }: Report): string | undefined {
  return repeatOf && `${count} ${count === 1 ? 'request' : 'requests'} like that of report ${repeatOf}`
}

/** How the request ended; `escaped` if nobody caught what was thrown. */
export function endingOf({ outcome: { kind, phase, escaped }, abandoned, late }: Report): string {
  const how = [phase ? `${kind} while ${phase}` : kind]
  if (escaped) how.push('escaped')
  if (abandoned && !late) how.push('its handler still at work')
  return how.join(', ')
}

/** What its handler did after that. */
export function lateOf({ late }: Report): string | undefined {
  return late && `${late.kind} ${duration(late.afterMs)} after the end${late.escaped ? ', escaped' : ''}`
}

export function timingOf({ timing: { elapsedMs, timeoutMs, lateMs } }: Report): string {
  const limit = timeoutMs === null ? 'no limit' : `limit ${duration(timeoutMs)}`
  return `${duration(elapsedMs)}, ${limit}${lateMs === undefined ? '' : `, timer ${duration(lateMs)} late`}`
}

/** The process, from the service to the machine. */
export function whereOf({ where }: Report): string {
  const { service, version, instance, region, hostname, pid, runtime, os, arch } = where
  const parts = [
    words(service, version),
    instance,
    region,
    hostname,
    pid === undefined ? '' : `pid ${pid}`,
    words(runtime?.name, runtime?.version),
    words(os, arch),
  ]
  return parts.filter(Boolean).join(', ')
}

function words(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(' ')
}
