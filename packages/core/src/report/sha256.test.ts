import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from './sha256.ts'

test('is what Node.js makes of the same bytes, and of the same text', async () => {
  const data = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 200 }))
  await fc.assert(
    fc.asyncProperty(data, async (data) => {
      const own = await sha256(typeof data === 'string' ? data : new Uint8Array(data))
      expect(own).toBe(createHash('sha256').update(data).digest('hex'))
    }),
  )
})
