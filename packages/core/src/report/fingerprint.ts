import type { ReportedError, ReportKind } from './report.ts'
import { sha256 } from './sha256.ts'

/** Frames that tell one crash from another; those above are whoever called. */
const FRAMES = 5

/** What a fingerprint is taken of. */
export interface Crash {
  readonly kind: ReportKind
  readonly error: ReportedError | undefined
  readonly method: string
  /** The pattern of the route, or the path. */
  readonly route: string
}

/**
 * The same 16 hexadecimal digits for the same crash: what was thrown (with numbers, ids and quotations taken out of its
 * message), its causes, and the functions and files on its stack without their lines and folders, so that a deployment
 * elsewhere, or another line above, changes nothing. Where nothing was thrown, it is the route.
 */
export async function fingerprint({ kind, error, method, route }: Crash): Promise<string> {
  const parts = error ? partsOf(error) : [method, general(route)]
  return (await sha256(JSON.stringify([kind, ...parts]))).slice(0, 16)
}

function partsOf({ name, message, stack, fields, cause }: ReportedError): string[] {
  const parts = [name, String(fields?.code ?? ''), general(message), ...frames(stack ?? '')]
  return cause ? [...parts, ...partsOf(cause)] : parts
}

/** A text without what differs from one time to the next. */
function general(text: string): string {
  return text
    .slice(0, 500)
    .replace(/(["'`]).{0,200}?\1/g, '…')
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '#')
    .replace(/\b(?=[a-z]*\d)[0-9a-z]{8,64}\b/gi, '#')
    .replace(/\d+/g, '#')
}

/** The innermost frames of the app's own code; of anybody's, if it has none there. */
function frames(stack: string): string[] {
  const all = stack
    .split('\n', 50)
    .map(frame)
    .filter((each) => each !== undefined)
  const own = all.filter(({ file }) => !/^node:|^bun:|^ext:|[\\/]node_modules[\\/]/.test(file))
  return (own.length > 0 ? own : all)
    .slice(0, FRAMES)
    .map(({ name, file }) => `${name}@${general(file.split(/[\\/]/).slice(-2).join('/'))}`)
}

/** A line of a stack as V8 (`at name (file:1:2)`) and JavaScriptCore (`name@file:1:2`) write it. */
function frame(line: string): { name: string; file: string } | undefined {
  const text = line.trim().slice(0, 500)
  const position = /:\d+(?::\d+)?\)?$/.exec(text)
  if (!position) return undefined
  const head = text.slice(0, position.index)
  const at = head.startsWith('at ')
  const start = at ? head.lastIndexOf('(') : head.indexOf('@')
  if (!at && start < 0) return undefined
  const name = head
    .slice(at ? 3 : 0, Math.max(start, at ? 3 : 0))
    .replace(/^async /, '')
    .trim()
  const file = start < 0 ? head.slice(3) : head.slice(start + 1)
  return { name, file: file.replace(/[?#].*$/, '') }
}
