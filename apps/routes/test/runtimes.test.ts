import { readFileSync } from 'node:fs'
import { exceptionsTable } from '@curfew/conformance'
import { expect, test } from 'vitest'
import { exceptions as bun } from '../../bun/test/exceptions.ts'
import { exceptions as deno } from '../../deno/test/exceptions.ts'
import { exceptions as workerd } from '../../workerd/test/exceptions.ts'

test('the table of docs/runtimes.md is what the suite excepts', () => {
  const page = readFileSync(new URL('../../../docs/runtimes.md', import.meta.url), 'utf8')
  const table = exceptionsTable({
    'Node.js': { protocols: ['http/1.1', 'h2c', 'h2'], exceptions: {} },
    Bun: { protocols: ['http/1.1', 'h2c', 'h2'], exceptions: bun },
    Deno: { protocols: ['http/1.1', 'h2c', 'h2'], exceptions: deno },
    workerd: { protocols: ['http/1.1'], exceptions: workerd },
  })
  expect(/<!-- exceptions -->\s*(.*?)\s*<!-- \/exceptions -->/s.exec(page)?.[1]).toBe(table)
})
