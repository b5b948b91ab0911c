import { conformance } from '@curfew/conformance'
import { example } from './fixture.ts'

conformance('@curfew/deno, hono', example('hono', 'h2c'))
