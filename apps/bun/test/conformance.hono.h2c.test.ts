import { conformance } from '@curfew/conformance'
import { bunFixture } from './bun-fixture.ts'

conformance('@curfew/bun, hono', bunFixture('hono', 'h2c'))
