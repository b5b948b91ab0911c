import type { Fixture } from '@curfew/conformance'

const pipeline = 'Bun closes a connection on which a second request comes while the first is being handled'
const handedOver =
  'Bun takes a body of bytes as a whole, and tells nobody when it has been written: it is recorded when it is handed over'

/** What Bun 1.4 cannot do, whichever app is served. */
export const exceptions: NonNullable<Fixture['exceptions']> = {
  'requests that share a connection with abandoned ones are answered with their own': pipeline,
  'pipelined requests are answered in their order': pipeline,
  'a timeout in a pipeline is the answer of its own request alone': pipeline,
  'a client that leaves by FIN in mid-body is recorded as that, and nothing else is written': handedOver,
  'a client that leaves by RST in mid-body is recorded as that, and nothing else is written': handedOver,
}
