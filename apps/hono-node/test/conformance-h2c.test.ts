import { conformance } from '@curfew/conformance'
import { example } from './fixture.ts'

conformance('@curfew/hono over @curfew/node', example('h2c'))
