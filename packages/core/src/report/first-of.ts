/** So many names are told of a head, of a query, or of a form. */
const MAX_NAMES = 200

const MORE = '…'

/**
 * The first of many pairs, and a last one that says how much is missing, as it stands behind a text that was cut. What is
 * to be learnt from the others has to have been learnt before.
 */
export function firstOf(pairs: readonly Pair[]): readonly Pair[] {
  if (pairs.length <= MAX_NAMES) return pairs
  const left = pairs.slice(MAX_NAMES).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  return [...pairs.slice(0, MAX_NAMES), [MORE, `${MORE} (${left} characters more)`]]
}

type Pair = readonly [name: string, value: string]
