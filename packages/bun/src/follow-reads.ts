import { tapBody } from '@curfew/core/adapter'

const readsKey: unique symbol = Symbol('curfew.reads')

interface Followed extends Request {
  [readsKey]?: number
}

/**
 * Counts who waits for the body of this request: to Bun one that is being read is the same as one that has been. The
 * methods are shadowed by a prototype, which costs a request next to nothing, and read as fast as ever; only a stream has
 * to be listened to.
 */
export function followReads(request: Request): void {
  const own = Object.getPrototypeOf(request)
  let following = prototypes.get(own)
  if (!following) {
    following = Object.create(own, shadowsOf(own)) as object
    prototypes.set(own, following)
  }
  Object.setPrototypeOf(request, following)
}

/** Whether somebody waits for the body by a method. */
export function isBeingRead(request: Followed): boolean {
  return (request[readsKey] ?? 0) > 0
}

/** Those that follow, by those of Bun's: a request of a route has another one. */
const prototypes = new WeakMap<object, object>()

const methods = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'] as const

function shadowsOf(own: object): PropertyDescriptorMap {
  const shadows = methods.filter((name) => name in own).map((name) => [name, method(own, name)])
  return { ...Object.fromEntries(shadows), body: body(own) }
}

function method(own: object, name: string): PropertyDescriptor {
  const read: (this: Request) => Promise<unknown> = Reflect.get(own, name)
  return {
    configurable: true,
    writable: true,
    value(this: Followed) {
      const reading = read.call(this)
      this[readsKey] = (this[readsKey] ?? 0) + 1
      const over = (): void => void this[readsKey]!--
      reading.then(over, over)
      return reading
    },
  }
}

function body(own: object): PropertyDescriptor & ThisType<Request> {
  return {
    configurable: true,
    get() {
      // Whoever listens already shadows it by a property of the request, and asks for what Bun has.
      if (Object.hasOwn(this, 'body')) return Reflect.get(own, 'body', this)
      tapBody(this, { onChunk() {}, onEnd() {} })
      return this.body
    },
  }
}
