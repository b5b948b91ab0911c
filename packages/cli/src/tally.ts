/** So many things are told apart; the rest are counted together. */
export const MAX_GROUPS = 10_000

/** Something that was counted, with what was told of it last. */
export interface Group<Detail> {
  readonly key: string
  count: number
  readonly first: Detail
  last: Detail
}

/** Counts by key, and never has more than so many keys. */
export class Tally<Detail> {
  /** What was counted under keys that there was no room for. */
  others = 0
  private readonly groups = new Map<string, Group<Detail>>()
  private readonly maxGroups: number

  constructor(maxGroups: number = MAX_GROUPS) {
    this.maxGroups = maxGroups
  }

  /** Counts, and gives back where: `undefined` if that is with the others. */
  add(key: string, count: number, detail: Detail): Group<Detail> | undefined {
    const group = this.groups.get(key)
    if (group) {
      group.count += count
      group.last = detail
      return group
    }
    if (this.groups.size >= this.maxGroups) {
      this.others += count
      return undefined
    }
    const made = { key, count, first: detail, last: detail }
    this.groups.set(key, made)
    return made
  }

  /** Takes back what was counted there. */
  takeBack(group: Group<Detail> | undefined, count: number): void {
    if (!group) {
      this.others -= count
      return
    }
    group.count -= count
    if (group.count <= 0 && this.groups.get(group.key) === group) this.groups.delete(group.key)
  }

  /** The groups, the largest first. */
  sorted(): Group<Detail>[] {
    return [...this.groups.values()].sort((a, b) => b.count - a.count)
  }
}
