import type { Scope } from './scope.ts'

/** For whom code runs, and inside of what it was called. */
export interface Inside {
  /** Only there if somebody had said that he needs it: see `enterScopes()`. */
  readonly scope: Scope | undefined
  readonly outer: Inside | undefined
}

/** What there is of an AsyncLocalStorage. */
export interface ContextStorage {
  run<T>(inside: Inside, work: () => T): T
  getStore(): Inside | undefined
}

interface ContextSlot {
  /** One for all who need to know whose code runs, because each costs something at every await. Made by the first of them. */
  storage: ContextStorage | undefined
  /** Runs a handler in the context of its scope; only there while somebody needs it: see `enterScopes()`. */
  enter: (<T>(scope: Scope, work: () => T) => T) | undefined
}

/** Where the core, which imports no runtime, finds the runtime's async context. */
export const contextSlot: ContextSlot = { storage: undefined, enter: undefined }
