import type { Fixture, Protocol } from '@curfew/conformance'

const untold =
  'Deno tells that a response of text or bytes is complete as soon as it has taken it over, whether its client stays or not'
const unseen =
  'Deno does not look at the connection again, before it has the response, once it has read a body that came after its head'

const waiting =
  'Deno goes on waiting for the rest of a body to which it has answered, and cuts no connection off'

const inMidBody = (way: string): string =>
  `a client that leaves by ${way} in mid-body is recorded as that, and nothing else is written`
const ofAnyProtocol = { [inMidBody('FIN')]: untold, [inMidBody('RST')]: untold }
const ofHttp2 = {
  [inMidBody('RST_STREAM')]: untold,
  'a stream that is reset in mid-body leaves the connection to the others': untold,
}
const ofHttp1 = {
  'the same by FIN after a POST whose body came after its head': unseen,
  'the same by RST after a POST whose body came after its head': unseen,
  'the connection of a client that is too slow with its body ends with the 408': waiting,
}

/** What Deno 2.9 cannot do over this protocol, whichever app is served. */
export function exceptionsOver(protocol: Protocol): NonNullable<Fixture['exceptions']> {
  return { ...ofAnyProtocol, ...(protocol === 'http/1.1' ? ofHttp1 : ofHttp2) }
}

export const exceptions: NonNullable<Fixture['exceptions']> = { ...ofAnyProtocol, ...ofHttp1, ...ofHttp2 }
