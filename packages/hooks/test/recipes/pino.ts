import type { FireReport } from '@curfew/core/report'
import type { Logger } from 'pino'

const levels = { failed: 'error', 'timed-out': 'warn', abandoned: 'info', late: 'warn' } as const

export function toPino(logger: Logger): FireReport {
  return function pino(report) {
    const { error, kind, outcome, request } = report
    const what = error ? `${error.name}: ${error.message}` : kind
    const message = `${request.method} ${request.route ?? request.url} ${outcome.status} ${what}`
    logger[levels[kind]]({ report }, message)
  }
}
