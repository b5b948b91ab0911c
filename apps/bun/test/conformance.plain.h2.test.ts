import { conformance } from '@curfew/conformance'
import { bunFixture } from './bun-fixture.ts'

conformance('@curfew/bun, plain', bunFixture('plain', 'h2'))
