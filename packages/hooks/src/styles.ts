/** Puts a text into a style. */
export type Style = (text: string) => string

export type Styles = Readonly<Record<keyof typeof codes, Style>>

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const

/** ANSI styles, or the same functions doing nothing. */
export function styles(color: boolean): Styles {
  const entries = Object.entries(codes).map(([name, [on, off]]): [string, Style] => [
    name,
    (text) => (color && text ? `\u001b[${on}m${text}\u001b[${off}m` : text),
  ])
  return Object.fromEntries(entries) as Styles
}
