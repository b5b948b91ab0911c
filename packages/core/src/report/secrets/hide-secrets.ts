import { REDACTED } from '../report.ts'
import { findCards } from './find-cards.ts'
import { findElements } from './find-elements.ts'
import { findPairs } from './find-pairs.ts'
import type { Span } from './patterns.ts'
import { SHAPES } from './shapes.ts'

/**
 * Replaces what is recognisably a secret by `[redacted]`, and keeps what is around it. Secrets are known by their own
 * shape (a JWT, a private key), by what stands before them (`Bearer`, `://user:`), or by the name that they are the
 * value of. What was hidden once stays as it is.
 *
 * It takes time in proportion to the length of the text, whatever the text is: a pattern either begins where no other
 * attempt has begun, looks at a limited number of characters, or cannot fail after it has begun.
 *
 * @example
 * ```ts
 * hideSecrets('connect postgres://app:hunter2@db/app') // connect postgres://[redacted]@db/app
 * hideSecrets('401 for Authorization: Bearer abc.def') // 401 for Authorization: Bearer [redacted]
 * ```
 */
export function hideSecrets(text: string): string {
  let hidden = text
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = hidden
    hidden = hideOnce(before)
    if (hidden === before) break
  }
  return hidden
}

/** What is hidden was in the way of another pattern once in a million times. The second round finds nothing, as a rule. */
const MAX_ROUNDS = 4

function hideOnce(text: string): string {
  let hidden = text.replace(SHAPES, REDACTED)
  for (const find of [findCards, findElements, findPairs]) hidden = hide(hidden, find(hidden))
  return hidden
}

function hide(text: string, spans: Iterable<Span>): string {
  let hidden = ''
  let done = 0
  for (const [from, to] of spans) {
    hidden += text.slice(done, from) + REDACTED
    done = to
  }
  return hidden + text.slice(done)
}
