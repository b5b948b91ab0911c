import { printable } from './printable.ts'

/** A text made {@link printable}, on one line of at most so many characters. One that was cut ends in `…`. */
export function fitOne(text: string, width: number): string {
  const shown = Array.from(printable(text.slice(0, width * 2 + 2)))
  const line = shown.length <= width ? shown : [...shown.slice(0, width - 1), '…']
  return line.join('').trimEnd()
}

/** The same, but what is cut out is the middle: of a path, both ends matter. */
export function fitMiddle(text: string, width: number): string {
  const shown = Array.from(
    printable(text.length > width * 4 ? text.slice(0, width) + text.slice(-width) : text),
  )
  if (shown.length <= width) return shown.join('').trimEnd()
  const head = Math.floor(width / 3)
  return `${shown.slice(0, head).join('')}…${shown.slice(head + 1 - width).join('')}`.trimEnd()
}

/** The same on at most so many lines, broken at its spaces where it has some. */
export function fit(text: string, width: number, maxLines: number): string[] {
  // Nothing gets shorter by being made printable, and what will not be shown need not be looked at.
  const kept = printable(text.slice(0, width * maxLines * 2))
  const breaks = new RegExp(`.{1,${width}}(?: |$)|.{1,${width}}`, 'gu')
  const lines = (kept.match(breaks) ?? ['']).map((line) => line.trimEnd())
  if (lines.length <= maxLines) return lines
  const last = Array.from(lines[maxLines - 1]!)
  const cut = last
    .slice(0, width - 1)
    .join('')
    .trimEnd()
  return [...lines.slice(0, maxLines - 1), `${cut}…`]
}

/** The same for a text that has lines of its own, which it keeps. */
export function fitLines(text: string, width: number, maxLines: number): string[] {
  const own = text.slice(0, width * maxLines * 2).split(/\r?\n/, maxLines + 1)
  const lines = own.flatMap((line) => fit(line, width, maxLines))
  return lines.length <= maxLines ? lines : [...lines.slice(0, maxLines - 1), '…']
}

/**
 * One text after the other, each on at most so many lines, of which all but the first are further in. Of a long list
 * the first ones, and how many there are besides.
 */
export function fitList(texts: readonly string[], width: number, maxLines: number, max: number): string[] {
  const lines = texts
    .slice(0, max)
    .flatMap((text) =>
      fit(text, width - 2, maxLines).map((line, index) => (line && index > 0 ? `  ${line}` : line)),
    )
  const more = texts.length - max
  return more > 0 ? [...lines, `and ${more} more`] : lines
}
