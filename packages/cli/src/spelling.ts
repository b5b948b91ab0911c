/**
 * How options spell the place of a value. A backslash takes from the character behind it what it would mean: a dot
 * between keys, the equals sign before a value, the colon before that.
 */
export function spellName(name: string): string {
  return name.replace(/[\\=]|:$/g, '\\$&')
}

export function readName(spelled: string): string {
  return spelled.replace(/\\(.)/gs, '$1')
}

/** The same for keys from the outside in, as in `body.users.0.name`. */
export function spellPath(path: readonly string[]): string {
  return path.map((key) => key.replace(/[\\=.]|:$/g, '\\$&')).join('.')
}

export function readPath(spelled: string): string[] {
  const keys = ['']
  for (const [, escaped, plain] of spelled.matchAll(/\\(.)|(.)/gsu)) {
    if (plain === '.') keys.push('')
    else keys.push(keys.pop()! + (escaped ?? plain))
  }
  return keys
}
