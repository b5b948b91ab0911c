import type { Fixture, Protocol } from '@curfew/conformance'

const pipeline = 'Bun closes a connection on which a second request comes while the first is being handled'
const handedOver =
  'Bun takes a body of bytes as a whole, and tells nobody when it has been written: it is recorded when it is handed over'

const inMidBody = (way: string): string =>
  `a client that leaves by ${way} in mid-body is recorded as that, and nothing else is written`
const ofAnyProtocol = { [inMidBody('FIN')]: handedOver, [inMidBody('RST')]: handedOver }
const ofHttp1 = {
  'requests that share a connection with abandoned ones are answered with their own': pipeline,
  'pipelined requests are answered in their order': pipeline,
  'a timeout in a pipeline is the answer of its own request alone': pipeline,
}
const ofHttp2 = {
  [inMidBody('RST_STREAM')]: handedOver,
  'a stream that is reset in mid-body leaves the connection to the others': handedOver,
}

/** What Bun 1.4 cannot do over this protocol, whichever app is served. */
export function exceptionsOver(protocol: Protocol): NonNullable<Fixture['exceptions']> {
  return { ...ofAnyProtocol, ...(protocol === 'http/1.1' ? ofHttp1 : ofHttp2) }
}

export const exceptions: NonNullable<Fixture['exceptions']> = { ...ofHttp1, ...ofAnyProtocol, ...ofHttp2 }
