import { bench, boxplot, run, summary } from 'mitata'
import { contextCases } from './context.ts'
import { guardCases } from './guard.ts'
import { middlewareCases } from './middleware.ts'

/** Each group compares within itself: read ratios, never figures of two runs. */
for (const [name, cases] of Object.entries({ ...guardCases, ...middlewareCases, ...contextCases })) {
  boxplot(() => {
    summary(() => {
      for (const [variant, work] of Object.entries(cases)) bench(`${name}: ${variant}`, work)
    })
  })
}

await run()
