import { readFileSync } from 'node:fs'
import { printableLines } from '@curfew/hooks/format'
import { Command, InvalidArgumentError } from 'commander'
import type { Context } from './context.ts'
import { type CurlOptions, curl } from './curl.ts'
import { ExitCode } from './exit-code.ts'
import type { Io } from './io.ts'
import { MAX_TIMEOUT_MS, type ReplayOptions, replay } from './replay.ts'
import { type ShowOptions, show } from './show.ts'
import { type StatsOptions, stats } from './stats.ts'
import { type TailOptions, tail } from './tail.ts'
import { terminalOf } from './terminal.ts'

const EXIT_CODES = `
Exit codes:
  0   done; replay: the answer is the same; tail: stopped by a signal
  1   replay: the answer is different
  2   a command, an option or a value that there is not
  3   the file cannot be read, or has a bad line in it
  4   no such report, or several whose ids begin so
  5   refused: values are missing; curl: there are placeholders in the line
  6   replay: no answer came
  70  a mistake of this program
  74  the output could not be written`

const SETTING = `
What to send instead of what was captured, or cannot be sent again (redacted values, files):
  --set header.authorization='Bearer abc'   a header
  --set query.token=abc                     every value that the name has; repeat it for several
  --set cookie.session=abc                  one cookie
  --set body.user.password=abc              a text in JSON, or a field of a form
  --set body.items.0.count:=2               any JSON in JSON
  --set body.avatar=@cat.png                the content of a file of a multipart form
  --set body=@body.json                     the whole body out of a file
  --set 'body=text'                         the whole body
  --set path=/users/42                      the path
  --drop header.cookie                      leave it out; also --drop cookie (or query, header, body) for all
A backslash before . = : or another backslash takes its meaning: --set 'body.a\\.b=1'`

const WHICH = 'id of the report; its beginning is enough'

const KINDS = ['failed', 'timed-out', 'abandoned', 'late']

/** The command line of `curfew`: what takes arguments and resolves with the exit code of the command that they name. */
export function programOf(io: Io): (argv: readonly string[]) => Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok
  const printed: Promise<void>[] = []
  const program = new Command('curfew')
    .description(
      'Shows, follows, counts and replays the reports that Curfew wrote into a file, one on each line',
    )
    .version(versionOf())
    .option('--json', 'print for machines')
    .option('--no-color', 'print without colours, as with NO_COLOR in the environment')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void printed.push(io.stdout.write(text)),
      // Arguments are said again there.
      writeErr: (text) => io.stderr.write(printableLines(text).join('\n')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => 100,
    })
    .exitOverride()
    .addHelpText('after', EXIT_CODES)

  function command<Options extends object>(
    name: string,
    description: string,
    run: (file: string, options: Options, context: Context) => Promise<ExitCode>,
    examples: readonly string[],
  ): Command {
    return program
      .command(name)
      .description(description)
      .argument('<file>', 'file of reports; - for stdin')
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ curfew ${example}`).join('\n')}`)
      .action(async (file: string, options: Options) => {
        const { json = false, color } = program.opts<{ json?: boolean; color: boolean }>()
        exitCode = await run(file, options, { io, json, terminal: terminalOf(io, color) })
      })
  }

  command<ShowOptions>('show', 'print reports', show, [
    'show reports.jsonl --last 3',
    'show reports.jsonl --id 6f1c --json',
    'show reports.jsonl --kind failed --kind timed-out',
  ])
    .option('--id <id>', WHICH, nonEmpty)
    .option('--last <n>', 'only so many, from the end', wholeFrom(1))
    .option('--kind <kind>', `only of this kind: ${KINDS.join(', ')}; may be repeated`, kinds)
    .option('--fingerprint <hex>', 'only with this fingerprint; its beginning is enough', nonEmpty)

  command<TailOptions>('tail', 'print the last reports, and then those that are added', tail, [
    'tail reports.jsonl',
    'tail reports.jsonl -n 0 --json | jq .fingerprint',
  ]).option('-n, --lines <n>', 'how many of the last lines to begin with', wholeFrom(0), 10)

  command<StatsOptions>('stats', 'count requests by kind, route and fingerprint', stats, [
    'stats reports.jsonl',
    'stats reports.jsonl --json',
  ]).option('--top <n>', 'how many of each to show', wholeFrom(1), 10)

  command<ReplayOptions>('replay', 'send the request of a report again, and compare the answers', replay, [
    'replay reports.jsonl --id 6f1c --to http://127.0.0.1:3000 --dry-run',
    "replay reports.jsonl --id 6f1c --to http://127.0.0.1:3000 --set header.authorization='Bearer abc'",
  ])
    .requiredOption('--id <id>', WHICH, nonEmpty)
    .requiredOption(
      '--to <url>',
      'where to send it, and nowhere else: an origin, and maybe a path to put before',
    )
    .option('--set <place=value>', 'send this value; may be repeated', collect)
    .option('--drop <place>', 'leave this out; may be repeated', collect)
    .option(
      '--timeout <ms>',
      'for the answer (default: its limit then and 10 s)',
      wholeFrom(1, MAX_TIMEOUT_MS),
    )
    .option('--dry-run', 'print what would be sent')
    .addHelpText('after', SETTING)

  command<CurlOptions>('curl', 'print a line for the shell that sends the request of a report', curl, [
    'curl reports.jsonl --id 6f1c --to http://127.0.0.1:3000',
    "curl reports.jsonl --id 6f1c --set header.authorization='Bearer abc' | sh",
  ])
    .requiredOption('--id <id>', WHICH, nonEmpty)
    .option('--to <url>', 'where to send it instead of where it went')
    .option('--set <place=value>', 'send this value; may be repeated', collect)
    .option('--drop <place>', 'leave this out; may be repeated', collect)
    .addHelpText('after', SETTING)

  return async (argv) => {
    try {
      await program.parseAsync(argv, { from: 'user' })
    } finally {
      await Promise.all(printed)
    }
    return exitCode
  }
}

function versionOf(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
}

function nonEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.')
  return value
}

function wholeFrom(least: number, most: number = Number.MAX_SAFE_INTEGER): (value: string) => number {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= least && number <= most)) {
      throw new InvalidArgumentError(
        `Expected a whole number, ${least} or more${most < 2 ** 53 - 1 ? `, ${most} at most` : ''}.`,
      )
    }
    return number
  }
}

function kinds(value: string, before: readonly string[] = []): string[] {
  const all = value.split(',')
  if (!all.every((kind) => KINDS.includes(kind)))
    throw new InvalidArgumentError(`Expected one of ${KINDS.join(', ')}.`)
  return [...before, ...all]
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
