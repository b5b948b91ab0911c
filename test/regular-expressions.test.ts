import { analyse } from 'scslre'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Literal, regularExpressionsIn, sources } from './support/regular-expressions.ts'
import { root } from './support/run.ts'

// What a client sends, or what a library says in an error, must not be able to keep a process busy: the time that a
// regular expression takes has to grow no faster than the text. The checker knows that of each by its structure, and so
// measures nothing; it looks for texts that repeat one character.

const found = sources.map(regularExpressionsIn)

/** What is wrong with it, if anything is. */
function slowness({ source, flags }: Pick<Literal, 'source' | 'flags'>): string[] {
  return analyse({ source, flags }, { maxReports: 1 }).reports.map(
    ({ type, exponential, character }) =>
      `${exponential ? 'exponential' : 'quadratic'} (${type}) in ${character.pick} repeated`,
  )
}

test.each([
  ['looks for an end from each place anew', /\s+$/],
  ['shares what it is given out between two', /^(.*?) *$/],
  ['shares it out in ever so many ways', /^(?:a+)+$/],
])('the checker tells what is slow: one that %s', (_, { source, flags }) => {
  expect(slowness({ source, flags })).toHaveLength(1)
})

test('the time that each takes grows no faster than the text', () => {
  const literals = found.flatMap((each) => each.literals)
  expect(literals.length).toBeGreaterThan(150)
  const slow = literals.flatMap((literal) =>
    slowness(literal).map((why) => `${literal.file}: ${literal.text} is ${why}`),
  )
  expect(slow).toEqual([])
})

/** Those that make them when they are called, called; all others do so when they are loaded. */
const callers: Readonly<Record<string, (module: never) => unknown>> = {
  'packages/hooks/src/fit.ts': ({ fit }: typeof import('../packages/hooks/src/fit.ts')) => fit('text', 80, 3),
}

test('so does that of those that are made at run time', async () => {
  const seen: { readonly made: RegExp; readonly stack: string }[] = []
  const { RegExp: original } = globalThis
  vi.resetModules()
  onTestFinished(() => {
    globalThis.RegExp = original
  })
  globalThis.RegExp = new Proxy(original, {
    construct(target, args, newTarget) {
      const made: RegExp = Reflect.construct(target, args, newTarget)
      seen.push({ made, stack: new Error().stack ?? '' })
      return made
    },
  })
  const makers = [...new Set(found.flatMap(({ made }) => made.map(({ file }) => file)))]
  for (const file of makers) {
    const module = await import(/* @vite-ignore */ `${root}/${file}`)
    callers[file]?.(module as never)
  }
  globalThis.RegExp = original

  // A file that is missed here has to be called by one of the callers.
  expect(makers.filter((file) => !seen.some(({ stack }) => stack.includes(file)))).toEqual([])
  const own = seen.filter(({ stack }) => makers.some((file) => stack.includes(file)))
  const slow = own.flatMap(({ made }) => slowness(made).map((why) => `${made} is ${why}`))
  expect(slow, slow.join('\n')).toEqual([])
})
