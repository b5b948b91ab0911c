import type { BodyRecord } from './record-body.ts'
import type { ReportedBody, ReportedField } from './report.ts'
import { sha256 } from './sha256.ts'
import { looksLikeJson, parseJson } from './values-in.ts'

/**
 * What was kept of a body, by what its content type says it is, with nothing hidden yet. What cannot be told by names
 * nor is plain text in UTF-8 is `opaque`; `anyText` shows it, if it is text, all the same.
 */
export async function describeBody(
  record: BodyRecord,
  contentType: string,
  anyText: boolean,
): Promise<ReportedBody> {
  const kept = record.kept()
  const { bytes } = record
  const complete = record.ended && kept.byteLength === bytes
  const [type] = contentType.split(';', 1)
  const essence = type!.trim().toLowerCase()

  const text = decode(kept)
  const isJson = /^(application|text)\/json$|\+json$/.test(essence)
  const isForm = essence === 'application/x-www-form-urlencoded'

  // curl says of JSON that it is a form, and fetch() that it is plain text, if nobody tells them.
  if (isJson || ((isForm || plainText.has(essence)) && looksLikeJson(text))) {
    const value = complete ? parseJson(text) : undefined
    if (value !== undefined) return { kind: 'json', bytes, complete, value }
  } else if (isForm) {
    const fields = formFields(text, complete)
    if (fields.every(isField)) return { kind: 'form', bytes, complete, fields }
  } else if (plainText.has(essence) && isText(kept)) {
    return { kind: 'text', bytes, complete, text }
  }
  if (complete && essence === 'multipart/form-data') {
    const fields = await multipartFields(kept, contentType)
    if (fields) return { kind: 'multipart', bytes, complete, fields }
  }
  if (anyText && isText(kept)) return { kind: 'text', bytes, complete, text }
  return { kind: 'opaque', bytes, complete, sha256: await sha256(kept) }
}

/** Text that is written for people, and so has no names to go by. */
const plainText: ReadonlySet<string> = new Set(['text/plain', 'text/csv', 'text/markdown'])

/** What has no value, and a name like none, is no field: something else was sent. */
function isField({ name, value }: ReportedField): boolean {
  return value !== '' || /^[\w.[\]-]{0,64}$/.test(name)
}

/** The last field of a form that was cut may be half a field, and is left out. */
function formFields(text: string, complete: boolean): ReportedField[] {
  const whole = complete ? text : text.slice(0, Math.max(text.lastIndexOf('&'), 0))
  return [...new URLSearchParams(whole)].map(([name, value]) => ({ name, value }))
}

async function multipartFields(
  bytes: Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<ReportedField[] | undefined> {
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
    return [...form].map(([name, value]) =>
      typeof value === 'string'
        ? { name, value }
        : { name, value: value.name ?? '', file: { type: value.type, bytes: value.size } },
    )
  } catch {
    return undefined
  }
}

/** Whether it decodes, up to a last character that may have been cut: in what does not, no secret can be recognised. */
function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return !text.includes('\0')
  } catch {
    return false
  }
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes, { stream: true })
}
