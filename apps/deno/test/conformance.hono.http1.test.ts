import { conformance } from '@curfew/conformance'
import { example } from './fixture.ts'

conformance('@curfew/deno, hono', example('hono', 'http/1.1'))
