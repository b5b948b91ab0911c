import * as core from '@curfew/core'
import * as adapter from '@curfew/core/adapter'
import * as report from '@curfew/core/report'
import * as testing from '@curfew/core/testing'
import * as edge from '@curfew/edge'
import * as hono from '@curfew/hono'
import { answers, handler, options } from './handler.js'

const modules = {
  '@curfew/core': core,
  '@curfew/core/adapter': adapter,
  '@curfew/core/report': report,
  '@curfew/core/testing': testing,
  '@curfew/edge': edge,
  '@curfew/hono': hono,
}
const names = Object.fromEntries(
  Object.entries(modules).map(([entry, names]) => [entry, Object.keys(names).sort()]),
)

export default {
  fetch: edge.guard(handler, options),
  /** What `workerd test` calls. */
  async test(_, env) {
    const fetch = (url) => env.self.fetch(url)
    console.log(JSON.stringify({ names, answers: await answers(fetch, 'http://localhost') }))
  },
}
