import { fitOne } from '@curfew/hooks/format'
import { ExitCode } from './exit-code.ts'

/** A command cannot go on. Its message is for people, and may be of several lines. */
export abstract class CliError extends Error {
  abstract readonly code: string
  abstract readonly exitCode: ExitCode
}

/** A file cannot be opened, or reading it failed. */
export class CannotReadError extends CliError {
  override readonly name = 'CannotReadError'
  readonly code = 'CANNOT_READ'
  readonly exitCode: ExitCode = ExitCode.badFile

  constructor(file: string, cause: unknown) {
    super(`Cannot read ${file}: ${reasonOf(cause)}`, { cause })
  }
}

/** No report has this id, or more than one begins with it. */
export class NoSuchReportError extends CliError {
  override readonly name = 'NoSuchReportError'
  readonly code = 'NO_SUCH_REPORT'
  readonly exitCode: ExitCode = ExitCode.noSuchReport

  /** @param ids those that begin so, if there are several */
  constructor(what: 'id' | 'fingerprint', value: string, ids: readonly string[] = []) {
    const begun = ids.map((id) => `\n  ${id}`).join('')
    super(
      ids.length > 0 ? `Several reports begin with id ${value}:${begun}` : `No report has ${what}: ${value}`,
    )
  }
}

/** The request of a report is none that can be sent, whatever is given for it. */
export class CannotSendError extends CliError {
  override readonly name = 'CannotSendError'
  readonly code = 'CANNOT_SEND'
  readonly exitCode: ExitCode = ExitCode.refused

  constructor(what: 'method' | 'URL', value: string) {
    super(`Cannot send the request, for its ${what} is no valid one: ${fitOne(value, 2_000)}`)
  }
}

/** What went wrong, without the call and the path that system errors end in. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (!code || !message.startsWith(`${code}: `)) return message || String(code)
  const call = message.indexOf(`, ${syscall}`)
  return call < 0 ? message : message.slice(0, call)
}

/** Whether it comes from the operating system. */
export function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
