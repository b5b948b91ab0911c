import { type ContextStorage, contextSlot } from './context-slot.ts'
import type { Scope } from './scope.ts'

/** Handlers run in the context of their scope for as long as somebody needs that. */
export interface Entering {
  readonly storage: ContextStorage
  /** It is needed no longer, by this one. Requests that are under way keep their context. */
  leave(): void
}

let needed = 0

/** From now on every guard of the process runs its handler in the context of its scope. */
export function enterScopes(make: () => ContextStorage): Entering {
  contextSlot.storage ??= make()
  const { storage } = contextSlot
  needed++
  contextSlot.enter ??= (scope, work) => {
    const inside = { scope, outer: storage.getStore() }
    scope.context = inside
    scope.runInContext = runListeners
    return storage.run(inside, work)
  }

  let left = false
  return {
    storage,
    leave() {
      if (left) return
      left = true
      needed--
      if (needed === 0) contextSlot.enter = undefined
    },
  }
}

/** The deadline strikes in the context of a timer, but its listeners are the handler's. One function for all scopes. */
function runListeners(this: Scope, listeners: () => void): void {
  contextSlot.storage!.run(this.context as never, listeners)
}
