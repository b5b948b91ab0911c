import { InvalidOptionError } from '@curfew/core'
import { readName, readPath } from './spelling.ts'

/** The parts of a request that have names in them. */
export type Section = 'header' | 'query' | 'cookie' | 'body'

/** A place of a request as options spell it: `header.authorization`, `body.user.name`, `body`, `path`. */
interface Place {
  readonly section: Section | 'path'
  /** As keys from the outside in; where names are flat, `name` is the same in one. Nothing: the whole section. */
  readonly path: readonly string[]
  readonly name: string | undefined
}

/** A value from the command line, for a place. */
export interface Setting extends Place {
  readonly value: string
  /** Whether the value was given by `:=`, so as JSON. */
  readonly json: boolean
}

export interface Dropping extends Place {
  readonly spelled: string
}

const EXPECTED_SET =
  'header.NAME=VALUE, query.NAME=VALUE, cookie.NAME=VALUE, body.PATH=VALUE, body.PATH:=JSON, body=TEXT, body=@FILE or path=/PATH'
const EXPECTED_DROP = 'header, query, cookie or body, or one of these followed by .NAME'

/** What is to be sent instead of what was captured: the values of `--set` and the places of `--drop`. */
export class Given {
  private readonly sets: readonly Setting[]
  private readonly drops: readonly Dropping[]
  private readonly used = new Set<Dropping>()

  /** @throws {InvalidOptionError} for an option that names no place, has no value, or contradicts another one */
  constructor(sets: readonly string[] = [], drops: readonly string[] = []) {
    this.sets = sets.map(parseSet)
    this.drops = drops.map(parseDrop)
    const contradiction = this.drops.find((drop) => this.sets.some((set) => isSame(set, drop)))
    if (contradiction)
      throw new InvalidOptionError('--drop', 'what --set does not give', contradiction.spelled)
    const bodies = this.sets.filter(({ section }) => section === 'body')
    if (bodies.length > 1 && bodies.some(({ name }) => name === undefined)) {
      throw new InvalidOptionError('--set', 'either one whole body or parts of it', 'body')
    }
  }

  /** What the whole section is to be. */
  whole(section: 'body' | 'path'): string | undefined {
    return this.sets.findLast((set) => set.section === section && set.name === undefined)?.value
  }

  /** What is given inside a section, in the order in which it was. */
  settings(section: Section): (Setting & { readonly name: string })[] {
    return this.sets.filter(
      (set): set is Setting & { readonly name: string } => set.section === section && set.name !== undefined,
    )
  }

  /** The same by names; a name may have several values. */
  values(section: Section): Map<string, string[]> {
    const values = new Map<string, string[]>()
    for (const { name, value } of this.settings(section)) {
      const known = values.get(name)
      if (known) known.push(value)
      else values.set(name, [value])
    }
    return values
  }

  /** Whether what is there by this name, or the whole section, is to be left out. */
  drop(section: Section, name?: string): boolean {
    const found = this.drops.filter((drop) => drop.section === section && drop.name === name)
    for (const each of found) this.used.add(each)
    return found.length > 0
  }

  /** The paths in the body that are to be left out; `drop` says whether there was such a thing. */
  dropPaths(drop: (path: readonly string[]) => boolean): void {
    for (const each of this.drops) {
      if (each.section === 'body' && each.name !== undefined && drop(each.path)) this.used.add(each)
    }
  }

  /** What was to be left out and was not there. */
  unused(): string[] {
    return this.drops.filter((drop) => !this.used.has(drop)).map(({ spelled }) => spelled)
  }
}

function parseSet(option: string): Setting {
  const equals = unescapedEquals(option)
  const spelled = option.slice(0, equals)
  const json = /^body\..*:$/s.test(spelled) && !spelled.endsWith('\\:')
  const place = equals < 0 ? undefined : parsePlace(json ? spelled.slice(0, -1) : spelled)
  // A value may be a secret, so it is not said again.
  if (!place) throw new InvalidOptionError('--set', EXPECTED_SET, spelled)
  if (place.name === undefined && place.section !== 'body' && place.section !== 'path') {
    throw new InvalidOptionError('--set', EXPECTED_SET, spelled)
  }
  const value = option.slice(equals + 1)
  if (json && !isJson(value)) throw new InvalidOptionError('--set', 'JSON behind :=', spelled)
  return { ...place, value, json }
}

function parseDrop(spelled: string): Dropping {
  const place = parsePlace(spelled)
  if (!place || place.section === 'path') throw new InvalidOptionError('--drop', EXPECTED_DROP, spelled)
  return { ...place, spelled }
}

function parsePlace(spelled: string): Place | undefined {
  if (spelled === 'path') return { section: 'path', path: [], name: undefined }
  const [, section, dot, rest = ''] = /^(header|query|cookie|body)(?:(\.)(.*))?$/s.exec(spelled) ?? []
  if (section === undefined) return undefined
  if (dot === undefined) return { section: section as Section, path: [], name: undefined }
  if (rest === '' && (section === 'header' || section === 'cookie')) return undefined
  const name = readName(rest)
  return {
    section: section as Section,
    path: readPath(rest),
    name: section === 'header' ? name.toLowerCase() : name,
  }
}

/** Where the first equals sign is that no backslash stands before; -1 for none. */
function unescapedEquals(option: string): number {
  const before = /^(?:\\.|[^\\=])*/s.exec(option)![0].length
  return option[before] === '=' ? before : -1
}

function isSame(a: Place, b: Place): boolean {
  return a.section === b.section && a.name === b.name
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
