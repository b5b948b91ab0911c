import { conformance } from '@curfew/conformance'
import { example } from '../../routes/test/example.ts'

conformance('@curfew/node/koa', example(new URL('../dist/main.js', import.meta.url)))
