import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { InvalidOptionError } from '@curfew/core'
import type { HookContext } from '@curfew/core/report'
import { expect, test } from 'vitest'
import { abandoned, failed } from '../test/reports.ts'
import { diagnosticsChannel } from './diagnostics-channel.ts'

const thrown = new Error('as it was thrown')
const context: HookContext = { signal: new AbortController().signal, thrown }

test.each([undefined, 'shop:reports', Symbol('reports')])(
  'subscribers get the report and what was thrown: %s',
  (name) => {
    const messages: unknown[] = []
    const listen = (message: unknown) => messages.push(message)
    const on = name ?? 'curfew:report'
    subscribe(on, listen)
    const hook = diagnosticsChannel(name)
    expect(hook.name).toBe('diagnostics-channel')
    hook.fire!(failed, context)
    unsubscribe(on, listen)
    hook.fire!(abandoned, context)
    expect(messages).toEqual([{ report: failed, thrown }])
    expect((messages[0] as HookContext).thrown).toBe(thrown)
  },
)

test('who subscribes later gets what comes later', () => {
  const hook = diagnosticsChannel('later')
  hook.fire!(failed, context)
  const messages: unknown[] = []
  const listen = (message: unknown) => messages.push(message)
  channel('later').subscribe(listen)
  hook.fire!(abandoned, context)
  channel('later').unsubscribe(listen)
  expect(messages).toEqual([{ report: abandoned, thrown }])
})

test.each([[''], [5], [null], [{}]])('a bad name is refused: %j', (name) => {
  expect(() => diagnosticsChannel(name as never)).toThrow(InvalidOptionError)
})
