import { REDACTED } from './report.ts'

/** JSON that does not parse, or was cut: as much of it as can be told. */
export class UnparsedJson {
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** What may be a value in it, with the last name before it. */
  *values(): Iterable<readonly [name: string, value: string]> {
    let name = ''
    for (const [token, text, colon] of this.text.matchAll(TOKEN)) {
      const value = text === undefined ? token : unescaped(text)
      if (colon) name = value
      else yield [name, value]
    }
  }

  /** A message of a parser without what it quotes of this text. */
  hideIn(message: string): string {
    return message.replace(QUOTED, (all, quoted: string) =>
      this.text.includes(quoted) ? `"${REDACTED}"` : all,
    )
  }
}

/** A string, which may have no end, or a number. */
const TOKEN = /"([^"\\]*(?:\\.[^"\\]*)*)(?:"(\s{0,20}:)?|\\?$)|(?<![\w."])-?\d[\d.]*/gs

/** As V8 and JavaScriptCore quote it. */
const QUOTED = /(?<=, (?:\.{3})?|Unexpected identifier )"(.{1,200}?)"(?=(?:\.{3})? is not valid JSON|$|\n)/gs

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`)
  } catch {
    return text
  }
}
