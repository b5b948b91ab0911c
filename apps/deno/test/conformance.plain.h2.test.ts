import { conformance } from '@curfew/conformance'
import { example } from './fixture.ts'

conformance('@curfew/deno, plain', example('plain', 'h2'))
