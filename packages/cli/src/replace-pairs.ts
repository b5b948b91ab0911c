import type { Given, Section } from './given.ts'
import { lackOf, type Missing, missing } from './missing.ts'
import { spellName } from './spelling.ts'

/** A value that has a name, and maybe others of the same name beside it: of a query, a form, a cookie. */
export interface Pair {
  readonly name: string
  readonly value: string
}

/**
 * The pairs as they are to be sent. The values given for a name take the places of all that it had; what is given for a
 * name that was not there comes last.
 *
 * @param make a pair of a value that was given; `like` is what is there by that name
 * @param lack what is not as it was in a pair, if anything
 */
export function replacePairs<P extends Pair>(
  section: Section,
  pairs: readonly P[],
  given: Given,
  make: (name: string, value: string, like?: P) => P,
  lack: (pair: P) => Missing | undefined = (pair) => lackOfPair(section, pair),
): { pairs: P[]; missing: Missing[] } {
  const values = given.values(section)
  const met = new Set<string>()
  const kept: P[] = []
  const lacking: Missing[] = []
  for (const pair of pairs) {
    const { name } = pair
    const instead = values.get(name)
    if (given.drop(section, name) || (instead && met.has(name))) continue
    met.add(name)
    if (instead) kept.push(...instead.map((value) => make(name, value, pair)))
    else {
      const found = lack(pair)
      if (found) lacking.push(found)
      kept.push(pair)
    }
  }
  for (const [name, added] of values)
    if (!met.has(name)) kept.push(...added.map((value) => make(name, value)))
  return { pairs: kept, missing: lacking }
}

export function lackOfPair(section: Section, { name, value }: Pair): Missing | undefined {
  const spelled = `${section}.${spellName(name)}`
  const hiddenName = lackOf(name)
  if (hiddenName) return missing(spelled, `its name is ${hiddenName}`, {})
  const hidden = lackOf(value)
  return hidden ? missing(spelled, hidden) : undefined
}
