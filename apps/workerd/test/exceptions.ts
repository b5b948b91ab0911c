import type { Fixture } from '@curfew/conformance'

const unseen = 'As long as the handler is at work workerd does not notice a FIN'
const handedOver = 'A body of bytes is handed over whole, and workerd tells nobody what becomes of it'

/** What workerd cannot do, with `enable_request_signal`, whichever app is served. */
export const exceptions: NonNullable<Fixture['exceptions']> = {
  'a client that leaves by FIN is recorded as that, and its upstream call is cancelled': unseen,
  'the same by FIN in the third request of a connection': unseen,
  'the same by FIN after a POST whose body was read': unseen,
  'the same by FIN after a POST whose body came after its head': unseen,
  'clients that leave are told apart from clients that stay': unseen,
  'a client that leaves its pipeline by FIN has left all of it': unseen,
  'a client that leaves by FIN in mid-body is recorded as that, and nothing else is written': handedOver,
  'a client that leaves by RST in mid-body is recorded as that, and nothing else is written': handedOver,
  'a thousand clients that stay, wait in vain or leave: one ending each, and nothing is left over': unseen,
}
