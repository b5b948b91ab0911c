export { InvalidReportError } from './errors.ts'
export type { FireReport, Hook, HookContext, Observer } from './report/hook.ts'
export { parseReport } from './report/parse-report.ts'
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
