export { Afterwards } from './afterwards.ts'
export { Alarm } from './alarm.ts'
export { attachClient, attachedClient, type Client, type ClientWatcher, SignalClient } from './client.ts'
export { type Closed, type Closing, closeGracefully, type Toll } from './close-gracefully.ts'
export { complain } from './complain.ts'
export {
  type Containment,
  type ContainmentStats,
  type ContainOptions,
  containment,
  type Host,
  type HostProcess,
  type UncaughtOrigin,
} from './containment.ts'
export { type ContextStorage, contextSlot, type Inside } from './context-slot.ts'
export { Deferred } from './deferred.ts'
export { EdgeClient, type ExecutionContext } from './edge-client.ts'
export { enterScopes } from './enter-scopes.ts'
export { isCancellation } from './errors.ts'
export { type Health, type HealthOptions, toResponse, type Verdict } from './health.ts'
export { isThenable } from './is-thenable.ts'
export { isUpgrade } from './is-upgrade.ts'
export { isWorkerd } from './is-workerd.ts'
export { keepStderr } from './keep-stderr.ts'
export {
  type CloseOptions,
  Lifetime,
  type LifetimeOptions,
  lifetimeOptionNames,
  type Stopping,
} from './lifetime.ts'
export { optionNames } from './options.ts'
export { clientClosedResponse, isOwnReply, thrownResponse } from './responses.ts'
export { type Place, Roster } from './roster.ts'
export { attachScope } from './scope.ts'
export { guardWhenTold, isTold, splitOptions } from './serve-options.ts'
export { OpenRequests, ServedClient } from './served-client.ts'
export type { SignalOptions, StopSignal } from './signals.ts'
export { type BodyTap, breakBody, isBodyAwaited, tapBody } from './tap-body.ts'
export { watchUpload } from './watch-upload.ts'
export { regionVariables, whereOf } from './where-of.ts'
