import { expect, test } from 'vitest'
import { whereOf } from './where-of.ts'

test('a process has a host, and a region where its platform says so', () => {
  expect(whereOf(() => 'shop-1', {})).toEqual({ hostname: 'shop-1' })
  expect(whereOf(() => 'shop-1', { FLY_REGION: 'fra' })).toEqual({ hostname: 'shop-1', region: 'fra' })
  expect(whereOf(() => 'shop-1', { AWS_REGION: 'eu-central-1', FUNCTION_REGION: 'x' })).toMatchObject({
    region: 'eu-central-1',
  })
})

test('a host that cannot be asked, or has no name, is left out', () => {
  const fails = () => {
    throw new Error('uv_os_gethostname returned ENOSYS')
  }
  expect(whereOf(fails, { FLY_REGION: 'fra' })).toEqual({ region: 'fra' })
  expect(whereOf(() => '', {})).toEqual({})
})
