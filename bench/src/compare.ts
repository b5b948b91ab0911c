import { bench, run, summary } from 'mitata'

/** What is compared: each variant by its name, and the work that it does. */
export type Variants = Record<string, () => unknown>

/** Compares within each group, and prints it. Read ratios of one run, never figures of two. */
export async function compare(groups: Record<string, Variants>): Promise<void> {
  for (const [group, variants] of Object.entries(groups)) {
    summary(() => {
      for (const [variant, work] of Object.entries(variants)) bench(`${group}: ${variant}`, work)
    })
  }
  await run()
}
