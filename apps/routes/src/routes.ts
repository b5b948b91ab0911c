/** Every route of the example, by what it shows. */
export const routes = {
  hello: '/hello',
  short: '/short',
  long: '/long',
  boundary: '/boundary',
  nocontent: '/nocontent',
  redirect: '/redirect',
  panic: '/panic',
  panicLate: '/panic-late',
  template: '/template',
  large: '/large',
  events: '/events',
  upload: '/upload',
  leaky: '/leaky',
  stalled: '/stalled',
  early: '/early',
  stats: '/stats',
} as const
