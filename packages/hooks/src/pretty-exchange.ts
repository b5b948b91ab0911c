import type { Report, ReportedBody, ReportedField } from '@curfew/core/report'
import { byteCount } from './amounts.ts'
import { fit, fitLines, fitList } from './fit.ts'
import type { Row, View } from './pretty-row.ts'
import { printableJson } from './printable-json.ts'

/** So many lines the facts of a short block have at the most. */
const SHORT = 3

/** And so many, of each thing, a detailed one. */
const DETAILED = { headers: 100, header: 16, body: 30, field: 4 }

/** What came, what was answered, and what had been written until then; in short only what the handler had of them. */
export function rowsOfExchange({ request, response, written }: Report, { width, details }: View): Row[] {
  const { body } = request
  const sum = written && `${written.status} with ${byteCount(written.bytes)}`
  if (!details) {
    return [
      ['written', sum ? [sum] : []],
      ['body', body ? fit(`${titleOf(body)}: ${excerptOf(body)}`, width, SHORT) : []],
    ]
  }
  const headers = (of: Readonly<Record<string, string>> = {}): string[] =>
    fitList(
      Object.entries(of).map(([name, value]) => `${name}: ${value}`),
      width,
      DETAILED.header,
      DETAILED.headers,
    )
  return [
    ['headers', headers(request.headers)],
    ['body', body ? [titleOf(body), ...contentOf(body, width)] : []],
    ['response', response ? [String(response.status), ...headers(response.headers)] : []],
    ['written', sum ? [sum, ...headers(written.headers)] : []],
  ]
}

function titleOf({ kind, bytes, complete }: ReportedBody): string {
  return `${kind}, ${byteCount(bytes)}${complete ? '' : ', incomplete'}`
}

/** All of a body in a row. */
function excerptOf(body: ReportedBody): string {
  return 'fields' in body ? body.fields.map(fieldOf).join(' & ') : textOf(body)
}

/** A body on lines of its own. */
function contentOf(body: ReportedBody, width: number): string[] {
  return 'fields' in body
    ? fitList(body.fields.map(fieldOf), width, DETAILED.field, DETAILED.body)
    : fitLines(textOf(body, 2), width, DETAILED.body)
}

function textOf(body: Exclude<ReportedBody, { fields: unknown }>, indent?: number): string {
  switch (body.kind) {
    case 'json':
      return printableJson(body.value, indent)
    case 'text':
      return body.text
    case 'opaque':
      return `sha256 ${body.sha256}`
  }
}

function fieldOf({ name, value, file }: ReportedField): string {
  return file ? `${name}=@${value} (${file.type}, ${byteCount(file.bytes)})` : `${name}=${value}`
}
