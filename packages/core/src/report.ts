export { HookTimeoutError, InvalidReportError } from './errors.ts'
export type { FireReport, Hook, HookContext, ObservedRequest, Observer } from './report/hook.ts'
export type { HookStats } from './report/hook-runner.ts'
export { parseReport } from './report/parse-report.ts'
export type { RedactOptions } from './report/redaction.ts'
export {
  REDACTED,
  type Report,
  type ReportedBody,
  type ReportedError,
  type ReportedField,
  type ReportedHead,
  type ReportedRequest,
  type ReportKind,
  type Where,
} from './report/report.ts'
export { type Reporter, type ReporterStats, reporter } from './report/reporter.ts'
export type { ReporterOptions } from './report/reporter-options.ts'
