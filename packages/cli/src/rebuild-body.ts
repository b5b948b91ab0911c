import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { InvalidOptionError } from '@curfew/core'
import { REDACTED, type Report, type ReportedBody, type ReportedField } from '@curfew/core/report'
import { reasonOf } from './cli-error.ts'
import type { Given } from './given.ts'
import { dropAt, isWithin, lackingIn, setAt, withoutHoles } from './json-at.ts'
import { lackOf, type Missing, missing } from './missing.ts'
import { boundaryOf, encodeMultipart, type Part } from './multipart.ts'
import { lackOfPair, replacePairs } from './replace-pairs.ts'
import { spellName, spellPath } from './spelling.ts'

export interface RebuiltBody {
  readonly bytes?: Uint8Array
  /** The file that it was read from. */
  readonly file?: string
  /** The content type that it has by being encoded anew, where that is another than the captured one. */
  readonly contentType?: string
  /** Whether it was encoded anew, and so is not compressed any more. */
  readonly encoded: boolean
  readonly missing: readonly Missing[]
}

const NOTHING: RebuiltBody = { encoded: false, missing: [] }

/**
 * The captured body, encoded again, or what is given instead.
 *
 * @param contentType the one that is to be sent, if any
 * @throws {InvalidOptionError} for a part that the body cannot have, or a file that cannot be read
 */
export async function rebuildBody(
  report: Report,
  given: Given,
  contentType: string | undefined,
): Promise<RebuiltBody> {
  const whole = given.whole('body')
  if (whole !== undefined) return { ...(await wholeBody(whole)), encoded: false, missing: [] }
  if (given.drop('body')) return NOTHING
  const { body } = report.request
  const reason = reasonAgainst(body, report)
  if (!body || reason) {
    const [part] = given.settings('body')
    if (part)
      throw new InvalidOptionError(
        '--set',
        'a whole body, for there are no parts',
        `body.${spellPath(part.path)}`,
      )
    return reason ? { encoded: false, missing: [missing('body', reason, { value: '@FILE' })] } : NOTHING
  }
  switch (body.kind) {
    case 'json':
      return rebuildJson(body.value, given, contentType)
    case 'form':
      return rebuildForm(body.fields, given, contentType)
    case 'multipart':
      return rebuildMultipart(body.fields, given, contentType)
    case 'text':
      return rebuildText(body.text, contentType)
    case 'opaque':
      return NOTHING
  }
}

/** Why a captured body cannot be sent again at all. */
function reasonAgainst(body: ReportedBody | undefined, { omitted, request }: Report): string | undefined {
  if (!body) {
    if (omitted?.some((part) => part.startsWith('request.body'))) return 'omitted'
    return hadBody(request) ? 'not captured' : undefined
  }
  if (body.kind === 'opaque') return 'opaque'
  return body.complete ? undefined : 'incomplete'
}

/** Whether there was a body that is not in the report, for nobody had read of it, say. */
function hadBody({ method, headers = {} }: Report['request']): boolean {
  const values = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const length = values.get('content-length')
  if (length !== undefined) return Number(length) !== 0
  // HTTP/2 need not tell a length; then the type is all that tells.
  return values.has('transfer-encoding') || (!/^(GET|HEAD)$/.test(method) && values.has('content-type'))
}

async function wholeBody(value: string): Promise<{ bytes: Uint8Array; file?: string }> {
  if (!value.startsWith('@')) return { bytes: Buffer.from(value) }
  const file = value.slice(1)
  return { bytes: await readGiven(file, 'body'), file }
}

async function readGiven(file: string, place: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new InvalidOptionError(
      '--set',
      `a file that can be read behind ${place}=@ (${reasonOf(error)})`,
      file,
    )
  }
}

function rebuildJson(captured: unknown, given: Given, contentType: string | undefined): RebuiltBody {
  const value: unknown = JSON.parse(JSON.stringify(captured))
  const instead: (readonly string[])[] = []
  for (const { path, value: text, json } of given.settings('body')) {
    setAt(value, path, json ? JSON.parse(text) : text)
    instead.push(path)
  }
  given.dropPaths((path) => {
    instead.push(path)
    return dropAt(value, path)
  })
  const lacking = [...lackingIn(captured)]
    .filter(({ path }) => !instead.some((outer) => isWithin(path, outer)))
    .map(({ path, reason, name }) => {
      if (path.length === 0) return missing('body', reason, { value: '@FILE' })
      const place = `body.${spellPath(path)}`
      return name ? missing(place, `its name is ${reason}`, {}) : missing(place, reason)
    })
  return encoded(JSON.stringify(withoutHoles(value)), contentType ?? 'application/json', lacking)
}

function rebuildForm(
  fields: readonly ReportedField[],
  given: Given,
  contentType: string | undefined,
): RebuiltBody {
  const { pairs, missing: lacking } = replacePairs<ReportedField>('body', fields, given, (name, value) => ({
    name,
    value,
  }))
  const text = new URLSearchParams(pairs.map(({ name, value }) => [name, value])).toString()
  return encoded(text, contentType ?? 'application/x-www-form-urlencoded', lacking)
}

function rebuildText(text: string, contentType: string | undefined): RebuiltBody {
  const reason = lackOf(text)
  return encoded(text, contentType, reason ? [missing('body', reason, { value: '@FILE' })] : [])
}

/** A text is sent as UTF-8, whatever it was before. */
function encoded(text: string, contentType: string | undefined, missing: readonly Missing[]): RebuiltBody {
  const utf8 = contentType?.replace(/(;\s*charset\s*=\s*)(?!"?utf-8)("[^"]*"|[^;\s]+)/i, '$1utf-8')
  return {
    bytes: Buffer.from(text),
    ...(utf8 !== undefined && { contentType: utf8 }),
    encoded: true,
    missing,
  }
}

/** A field, and what was given for the content of its file. */
interface Field extends ReportedField {
  readonly content?: string
}

async function rebuildMultipart(
  captured: readonly ReportedField[],
  given: Given,
  contentType: string | undefined,
): Promise<RebuiltBody> {
  const { pairs, missing: lacking } = replacePairs<Field>('body', captured, given, makeField, lackOfField)
  const { bytes, boundary } = encodeMultipart(await Promise.all(pairs.map(toPart)), boundaryOf(contentType))
  const captures = boundary === boundaryOf(contentType)
  return {
    bytes,
    ...(!captures && { contentType: `multipart/form-data; boundary=${boundary}` }),
    encoded: true,
    missing: lacking,
  }
}

function makeField(name: string, value: string, like?: Field): Field {
  return like?.file ? { name, value: like.value, file: like.file, content: value } : { name, value }
}

function lackOfField(field: Field): Missing | undefined {
  const place = `body.${spellName(field.name)}`
  if (!field.file || lackOf(field.name)) return lackOfPair('body', field)
  return missing(place, 'a file, of which the content is not captured', { value: '@FILE' })
}

async function toPart({ name, value, file, content = REDACTED }: Field): Promise<Part> {
  if (!file) return { name, bytes: Buffer.from(value) }
  const path = content.startsWith('@') ? content.slice(1) : undefined
  return {
    name,
    bytes: path === undefined ? Buffer.from(content) : await readGiven(path, `body.${name}`),
    file: { name: path !== undefined && lackOf(value) ? basename(path) : value, type: file.type },
  }
}
