import { InvalidOptionError } from '@curfew/core'
import { printableLines } from '@curfew/hooks/format'
import { CommanderError } from 'commander'
import { CliError, reasonOf } from './cli-error.ts'
import { ExitCode } from './exit-code.ts'
import type { Io } from './io.ts'
import { programOf } from './program.ts'

/**
 * Runs `curfew` with these arguments, and resolves with its exit code once all is written. What goes wrong is said on
 * stderr; that nobody reads the output any more is no mistake.
 */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  try {
    return await programOf(io)(argv)
  } catch (error) {
    const [code, message] = verdictOn(error)
    if (message) io.stderr.write(`${printableLines(message).join('\n')}\n`)
    return code
  }
}

function verdictOn(error: unknown): [code: ExitCode, message?: string] {
  // Commander has said by itself what is wrong.
  if (error instanceof CommanderError) return [error.exitCode === 0 ? ExitCode.ok : ExitCode.usage]
  if (error instanceof InvalidOptionError) return [ExitCode.usage, error.message]
  if (error instanceof CliError) return [error.exitCode, error.message]
  const { syscall, code } = Object(error) as NodeJS.ErrnoException
  if (code === 'EPIPE') return [ExitCode.ok]
  if (syscall === 'write') return [ExitCode.output, `Cannot write: ${reasonOf(error)}`]
  return [ExitCode.internal, `Internal error: ${error instanceof Error ? error.stack : String(error)}`]
}
