import { isPrintable } from '@curfew/hooks/format'
import { textOf } from './text-of.ts'

const PLAIN = /^[\w@%+:,./-][\w@%+:,./=-]*$/

/**
 * A text, or bytes, as one word of a POSIX shell's command line that is harmless in a terminal: what would do anything
 * there comes out of a `printf`. It is on one line, unless the value ends in ends of lines.
 *
 * @throws {RangeError} for a NUL, which no argument of a program can have
 */
export function quote(value: string | Uint8Array): string {
  const bytes = Buffer.from(value as string)
  if (bytes.includes(0)) throw new RangeError('Cannot quote a NUL: no argument of a program can have one')
  const text = textOf(bytes)
  if (text !== undefined && PLAIN.test(text)) return text
  if (text !== undefined && isPrintable(text)) return inQuotes(text)
  // The shell takes ends of lines from the end of what a command has written.
  let end = bytes.length
  while (bytes[end - 1] === 0x0a) end--
  const ends = '\n'.repeat(bytes.length - end)
  return `"$(${printf(bytes.subarray(0, end))})"${ends && inQuotes(ends)}`
}

/** A command that writes these bytes to its stdout, whatever they are; on one line and harmless, too. */
export function printf(bytes: Uint8Array): string {
  const format = Buffer.from(bytes)
    .toString('latin1')
    // A hyphen that comes first would begin an option; interactive shells look for `!` where they should not.
    .replace(/^-|[^ -~]|!/g, (byte) => `\n${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
    .replace(/[\\%]/g, '$&$&')
    .replaceAll('\n', '\\')
  return `printf ${inQuotes(format)}`
}

function inQuotes(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
