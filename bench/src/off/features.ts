import { type Cut, cut } from './make-core.ts'

/**
 * What stands in the way of a request that uses nothing of a feature, by feature; without it there is nothing but the race.
 * Each can be cut out alone, or with any of the others.
 */
export const features: Readonly<Record<string, readonly Cut[]>> = {
  'inbound, receivedAt': [
    cut('guard.ts', 'const arrival = policy.readArrival?.(request)', 'const arrival = undefined'),
    cut('guard.ts', 'if (arrival?.refusal) return arrival.refusal'),
    cut(
      'scope.ts',
      `if (arrival === undefined) {
      this.startedAt = now
    } else {
      this.queuedMs = arrival.queuedMs
      this.startedAt = now - arrival.queuedMs
      this.ownDeadline = this.newDeadline(arrival.allowedMs)
    }`,
      'this.startedAt = now',
    ),
    cut('race.ts', 'queuedMs = 0, dueAt } = this', 'dueAt } = this, queuedMs = 0'),
  ],
  'maxConcurrent, maxAbandoned, onShedding': [
    cut('guard.ts', 'const { counters, maxConcurrent, maxAbandoned } = policy'),
    cut(
      'guard.ts',
      "if (counters.active >= maxConcurrent || counters.abandoned >= maxAbandoned) return 'overloaded'",
    ),
    cut('guard.ts', "if (refusal === 'overloaded') policy.shedding?.refused(race)"),
  ],
  shutdown: [
    cut('guard.ts', "if (policy.shutdown?.aborted) return 'shutdown'"),
    cut('exchange.ts', 'if (policy.running !== undefined) this.place = policy.running.add(this)'),
    cut('exchange.ts', 'if (this.place) this.policy.running!.leave(this.place)'),
  ],
  'currentScope(), contain()': [
    cut('guard.ts', 'if (contextSlot.enter) return race.start(enter(race, handler, this, request, ...rest))'),
  ],
  'adapters that know the connection': [
    cut('guard.ts', 'const client = attachedClient(request)', 'const client = undefined'),
    cut('guard.ts', 'client ? client.upgrading : '),
    cut('guard.ts', "client?.cheap && client.closed ? 'client-closed' : "),
    cut('scope.ts', 'if (client !== undefined) this.attached = client'),
    cut('race.ts', 'if (this.attached?.waitUntil) this.handOn(this.work)'),
    cut('race.ts', 'this.attached?.cheap || '),
    cut('race.ts', ' || this.attached?.isHeard'),
    cut('guard.ts', ', client?.showsSignal'),
    cut('scope.ts', 'if (!showsSignal) '),
    cut('race.ts', 'if (result instanceof Deferred) return this.defer(result)'),
    cut('exchange.ts', 'if (this.attached) this.tellSending(this.attached, reply)'),
    cut('exchange.ts', 'this.attached?.release?.(this)'),
  ],
  'guards within guards': [
    cut(
      'guard.ts',
      `const outer = findScope(request)
    if (outer !== undefined && outer instanceof Race && !outer.outcome) {
      outer.join(policy)
      return handler.call(this, request, ...rest) as never
    }`,
    ),
    cut('exchange.ts', 'this.joined?.forEach(leaveGuard)'),
    cut('exchange.ts', 'this.joined?.forEach(this.tell, this)'),
  ],
  buffer: [
    cut('race.ts', ' || this.policy.buffer) return this.run', ') return this.run'),
    cut('race.ts', 'this.policy.buffer && !isStreaming(response) ? this.drained(response) : '),
  ],
  'streamIdleMs, streamTotalMs, streams that are followed': [
    cut(
      'race.ts',
      `let sent: Response
    try {
      sent = this.limited(response)
    } catch (error) {
      return this.failed(error)
    }`,
      'const sent = response',
    ),
    cut('exchange.ts', 'if (this.held && !this.told) this.follow()\n    else this.over()', 'this.over()'),
  ],
  'errors that frameworks have handled': [
    cut('race.ts', 'if (this.handledError !== undefined && status >= 500) return this.handled(sent, status)'),
  ],
  serverTiming: [
    cut(
      'race.ts',
      `this.policy.serverTiming && response && outcome
        ? withServerTiming(response, outcome, this.timeLeft())
        : response`,
      'response',
    ),
  ],
  reporter: [
    cut(
      'exchange.ts',
      'if (policy.reporter !== undefined) this.recordings = [policy.reporter.start(request)]',
    ),
    cut(
      'exchange.ts',
      `if (this.recordings) {
      const time = this.timeLeft()
      for (const recording of this.recordings) recording.decided(outcome, time)
    }`,
    ),
    cut('exchange.ts', 'if (this.recordings) this.reply = reply'),
    cut('exchange.ts', 'if (this.recordings) this.report(this.recordings, outcome)'),
  ],
  onOutcome: [
    cut('exchange.ts', 'if (guard.onOutcome) notify(guard, this, guard.onOutcome, outcome, this.request)'),
    cut('race.ts', 'this.policy.isHeard || '),
  ],
  onLateSettlement: [cut('exchange.ts', 'if (this.late) this.tellLate()')],
  "watch: 'eager'": [cut('race.ts', "this.policy.watch === 'eager'", 'false')],
  'deadlines that are moved': [
    cut(
      'scope.ts',
      'this.ownDeadline === undefined ? this.startedAt + this.policy.timeoutMs : this.ownDeadline.dueAt',
      'this.startedAt + this.policy.timeoutMs',
    ),
    cut('scope.ts', 'this.ownDeadline?.end()'),
  ],
  'responses that are written': [cut('race.ts', ' ?? this.writtenBuffer?.toResponse()')],
}
