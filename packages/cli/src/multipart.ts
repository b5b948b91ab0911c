import { createHash } from 'node:crypto'

export interface Part {
  readonly name: string
  readonly bytes: Uint8Array
  readonly file?: { readonly name: string; readonly type: string }
}

/** The boundary that a content type names, if it is one. */
export function boundaryOf(contentType = ''): string | undefined {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))/is.exec(contentType) ?? []
  const boundary = quoted ?? plain
  return boundary !== undefined && /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary)
    ? boundary
    : undefined
}

/** Encodes a form as browsers do, with this boundary unless something in the form looks like it. */
export function encodeMultipart(
  parts: readonly Part[],
  preferred?: string,
): { bytes: Buffer; boundary: string } {
  const encoded = parts.map((part) =>
    Buffer.concat([Buffer.from(headOf(part)), part.bytes, Buffer.from('\r\n')]),
  )
  const taken = preferred !== undefined && encoded.some((part) => part.includes(preferred))
  const boundary = preferred !== undefined && !taken ? preferred : madeOf(encoded)
  const delimiter = Buffer.from(`--${boundary}\r\n`)
  const bytes = Buffer.concat([
    ...encoded.flatMap((part) => [delimiter, part]),
    Buffer.from(`--${boundary}--\r\n`),
  ])
  return { bytes, boundary }
}

function headOf({ name, file }: Part): string {
  const filename = file ? `; filename="${escaped(file.name)}"` : ''
  const type = file ? `\r\nContent-Type: ${isType(file.type) ? file.type : 'application/octet-stream'}` : ''
  return `Content-Disposition: form-data; name="${escaped(name)}"${filename}${type}\r\n\r\n`
}

/** The only characters that would end a name, as HTML has it. */
function escaped(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function isType(type: string): boolean {
  return /^[\x20-\x7e]+$/.test(type)
}

/** The same for the same form, and not to be found in it: whoever knew how would know how to find collisions. */
function madeOf(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return `curfew-${hash.digest('hex').slice(0, 32)}`
}
