import { isSecretName } from './is-secret-name.ts'
import type { Span } from './patterns.ts'

/** `<password>hunter2</password>`, with any prefix and attributes. */
export function* findElements(text: string): Iterable<Span> {
  for (const { index, 0: all, 1: name, 2: value } of text.matchAll(
    /<(?:[\w-]+:)?([\w-]+)(?:\s[^<>]*)?>([^<]+)<\//g,
  )) {
    const to = index + all.length - 2
    if (value!.trim() && isSecretName(name!)) yield [to - value!.length, to]
  }
}
