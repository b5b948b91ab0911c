import { conformance } from '@curfew/conformance'
import { example } from '../../routes/test/example.ts'

conformance('guardListener() of @curfew/node', example(new URL('../dist/main.js', import.meta.url), 'h2c'))
