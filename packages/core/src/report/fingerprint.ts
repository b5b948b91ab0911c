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
 * message), its causes and members, and the functions and files on its stack without their lines and the folder that
 * all of them are in, so that a deployment elsewhere, or another line above, changes nothing. Where nothing was thrown,
 * it is the route.
 */
export async function fingerprint(crash: Crash): Promise<string> {
  return (await sha256(identity(crash))).slice(0, 16)
}

/** What the fingerprint is taken of. It may have secrets in it, if the error has. */
export function identity({ kind, error, method, route }: Crash): string {
  const parts = error ? partsOf(error) : [method, general(route)]
  return JSON.stringify([kind, ...parts])
}

function partsOf({ name, message, stack, fields, value, cause, errors }: ReportedError): unknown[] {
  const { code } = ((fields ?? value) as { code?: unknown } | null | undefined) ?? {}
  return [
    name,
    typeof code === 'object' ? '' : String(code ?? ''),
    general(message),
    frames(stack ?? '', message),
    cause ? partsOf(cause) : [],
    (errors ?? []).map(partsOf),
  ]
}

/** A text without what differs from one time to the next: quotations, and words with digits in them. */
function general(text: string): string {
  return text
    .slice(0, 2_000)
    .replace(/"[^"]*"?|`[^`]*`?|(?<!\w)'[^']*'?/g, '…')
    .replace(/[\w-]+/g, (word) => (/\d/.test(word) ? '#' : word))
    .replace(/#+(?:[.,:]#+)*/g, '#')
    .slice(0, 300)
}

interface Frame {
  readonly name: string
  readonly file: string
}

/** The innermost frames of the app's own code; of anybody's, if it has none there. */
function frames(stack: string, message: string): string[] {
  const lines = withoutMessage(stack, message)
    .split('\n', 50)
    .map((line) => line.trim().slice(0, 1_000))
  const read = lines.some((line) => line.startsWith('at ')) ? frameOfV8 : frameOfJavaScriptCore
  const all = lines.map(read).filter((each) => each !== undefined)
  const own = all.filter(({ file }) => !/^node:|^bun:|^ext:|\/node_modules\//.test(file))
  const told = (own.length > 0 ? own : all).slice(0, FRAMES)
  const root = commonFolder(told.filter((each) => own.includes(each)).map(({ file }) => file))
  return told.map(({ name, file }) => `${name}@${place(file, root)}`)
}

/** What a stack begins with may look like a frame of it. */
function withoutMessage(stack: string, message: string): string {
  const start = stack.indexOf(message)
  return start < 0 || stack.slice(0, start).includes('\n') ? stack : stack.slice(start + message.length)
}

/** Such as `at name (file:1:2)` or `at async file:1:2`. */
function frameOfV8(line: string): Frame | undefined {
  if (!line.startsWith('at ')) return undefined
  const text = line.slice(3).replace(/^async /, '')
  const open = text.endsWith(')') ? text.indexOf(' (') : -1
  const file = open < 0 ? text : text.slice(open + 2, -1).replace(/^eval at .*, /, '')
  return frame(text.slice(0, Math.max(open, 0)), file)
}

/** Such as `name@file:1:2`. */
function frameOfJavaScriptCore(line: string): Frame | undefined {
  const at = line.indexOf('@')
  return at < 0 ? undefined : frame(line.slice(0, at), line.slice(at + 1))
}

function frame(name: string, location: string): Frame | undefined {
  const [, path] = /^(.*?):\d+(?::\d+)?$/.exec(location) ?? []
  if (path === undefined) return undefined
  const file = path
    .replace(/[?#].*/s, '')
    .replace(/^file:\/\//, '')
    .replaceAll('\\', '/')
  return { name, file }
}

/** The path that all of these files begin with. */
function commonFolder(files: readonly string[]): string {
  const [first = '', ...others] = files.filter((file) => file.includes('/'))
  let folder = first
  do folder = folder.slice(0, folder.slice(0, -1).lastIndexOf('/') + 1)
  while (!others.every((file) => file.startsWith(folder)))
  return folder
}

/** A file from there, or from its package; a name that a bundler made has a hash in it. */
function place(file: string, root: string): string {
  const path = file.startsWith(root) ? file.slice(root.length) : file
  return path.replace(/^.*\/node_modules\//, '').replace(/\b(?=[a-z]*\d)[0-9a-z]{8,64}\b/gi, '#')
}
