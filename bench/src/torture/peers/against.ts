import { LIMIT_MS } from '../attack.ts'
import { type Contender, pairs } from './contenders.ts'
import { kinds } from './kinds.ts'
import { type Torment, type TormentOptions, torment } from './torment.ts'

/** What became of two that had the same app and the same clients. */
export interface Compared {
  readonly peer: Torment
  readonly curfew: Torment
  /** Of the whole plan, with errors that nobody catches. */
  readonly strays: { readonly peer: Torment; readonly curfew: Torment }
}

export interface Against {
  readonly seed: number
  readonly connections: number
  /** For each of them. */
  readonly seconds: number
  readonly limitMs: number
  readonly pairs: Readonly<Record<string, Compared>>
}

/** How much of the time there are errors that nobody catches; that is about nothing but whether the process lives. */
const STRAY_SHARE = 0.25

/** The plan against each of these peers, and against Curfew in the same app. `names`: a pair, or the first part of some. */
export async function against(
  names: readonly string[],
  options: Omit<TormentOptions, 'strays'>,
): Promise<Against> {
  const compared: Record<string, Compared> = {}
  for (const name of wanted(names)) {
    const { peer, curfew } = pairs[name]!
    const of = (contender: Contender, strays: boolean, seconds: number) =>
      torment(contender, { ...options, strays, seconds })
    const straySeconds = options.seconds * STRAY_SHARE
    compared[name] = {
      peer: await of(peer, false, options.seconds),
      curfew: await of(curfew, false, options.seconds),
      strays: { peer: await of(peer, true, straySeconds), curfew: await of(curfew, true, straySeconds) },
    }
    print(name, compared[name], options.seed)
  }
  const { seed, connections, seconds } = options
  return { seed, connections, seconds, limitMs: LIMIT_MS, pairs: compared }
}

function wanted(names: readonly string[]): string[] {
  const all = Object.keys(pairs)
  if (names.includes('all')) return all
  return all.filter((name) => names.some((told) => name === told || name.startsWith(`${told}-`)))
}

function print(name: string, { peer, curfew, strays }: Compared, seed: number): void {
  for (const [who, result] of Object.entries({ [name]: peer, 'Curfew, the same app': curfew })) {
    console.log(`\n${who}, seed ${seed}: ${result.requests} requests in ${result.seconds.toFixed(1)} s`)
    line('the process has died', result.deaths)
    for (const [kind, what] of Object.entries(kinds)) line(what, result.wrongs[kind as keyof typeof kinds])
    console.log(
      `  handlers not told of their end: ${result.untold}; told again of a request: ${result.toldAgain}; bodies left open: ${result.openBodies?.count ?? 'n/a'}; polite: ${result.polite.answered} of ${result.polite.asked}`,
    )
  }
  line('with errors that nobody catches: died', strays.peer.deaths)
  line('Curfew', strays.curfew.deaths)
}

function line(what: string, { count, examples }: { count: number; examples: readonly string[] }): void {
  console.log(`  ${String(count).padStart(5)}  ${what}`)
  for (const example of examples) console.log(`           ${example}`)
}
