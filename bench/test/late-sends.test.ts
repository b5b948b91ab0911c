import { expect, test } from 'vitest'
import { sendLate } from './late-sends/send-late.ts'

const CLIENTS = 1_000
const AT_ONCE = 250

test('curfew() in Express: 1,000 handlers send too late, each client has one answer, and the process lives', async () => {
  const { answeredOnce, sent, exitCode, said, stats } = await sendLate('curfew', CLIENTS, AT_ONCE)
  expect(answeredOnce).toEqual({ 503: CLIENTS })
  expect({ sent, exitCode, said }).toEqual({ sent: CLIENTS, exitCode: undefined, said: '' })
  expect(stats).toMatchObject({
    active: 0,
    abandoned: 0,
    outcomes: { 'timed-out': CLIENTS, completed: 0, failed: 0 },
    late: { completed: CLIENTS },
  })
})

test('connect-timeout in the same app: the first of them ends the process', async () => {
  const { answeredOnce, exitCode, said } = await sendLate('connect-timeout', CLIENTS, AT_ONCE)
  expect(exitCode).toBe(1)
  expect(said).toContain('ERR_HTTP_HEADERS_SENT')
  const answered = Object.values(answeredOnce).reduce((sum, n) => sum + n, 0)
  // Those who were there with the first one have had their timeout; nobody after them has had anything.
  expect(answered).toBeLessThanOrEqual(AT_ONCE)
})
