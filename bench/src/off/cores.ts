import { features } from './features.ts'
import { type Cut, cut } from './make-core.ts'

export type CoreName = 'whole' | 'race' | 'closure'

/** Cores that are made of the sources. */
export const cores: Readonly<Record<CoreName, readonly Cut[]>> = {
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
