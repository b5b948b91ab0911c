import { join } from 'node:path'
import { features } from './features.ts'
import { type Cut, cut, makeCore } from './make-core.ts'

export type CoreName = 'whole' | 'race' | 'closure'

/** What is cut out of each. */
const cores: Readonly<Record<CoreName, readonly Cut[]>> = {
  whole: [],
  race: Object.values(features).flat(),
  // The least that a feature does which does anything. What is measured has to show it.
  closure: [
    cut(
      'guard.ts',
      'const race = new Race(request, policy, client, arrival)',
      'const race = new Race(request, policy, client, arrival), closure = () => race; contextSlot.closure = closure',
    ),
  ],
}

/** Makes all of them of the sources, each in a folder of its own. */
export async function makeCores(folder: string): Promise<void> {
  for (const [name, cuts] of Object.entries(cores)) await makeCore(join(folder, name), cuts)
}
