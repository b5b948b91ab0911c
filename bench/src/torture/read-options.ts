import { parseArgs } from 'node:util'
import { findRuntime, type Runtime } from '../runtimes.ts'
import { pairs } from './peers/contenders.ts'
import { targets } from './targets.ts'

/** What `npm run torture` is told. */
export interface Options {
  readonly runtime: Runtime
  readonly targets: readonly string[]
  readonly against: readonly string[] | undefined
  readonly seconds: number
  readonly requests: number
  readonly connections: number
  readonly seed: number
  readonly from: number
  readonly to: number | null
  readonly books: boolean
  readonly save: boolean
  readonly render: boolean
}

/** @throws where an option is not known, or its value makes no sense; the message names both */
export function readOptions(args: string[]): Options {
  const { values: told } = parseArgs({
    args,
    options: {
      runtime: { type: 'string', default: 'node' },
      target: { type: 'string', default: 'all' },
      against: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      requests: { type: 'string', default: '1000000' },
      connections: { type: 'string', default: '500' },
      seed: { type: 'string' },
      visits: { type: 'string' },
      books: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      render: { type: 'boolean', default: false },
    },
  })
  const { against, books, save, render } = told
  const [from, to] = told.visits === undefined ? [0, null] : range('visits', told.visits)
  return {
    // First what costs nothing: a runtime may have to be fetched.
    targets: against === undefined ? targetsOf(told.target, told.runtime) : [],
    against: against === undefined ? undefined : peersOf(against),
    seconds: positive('seconds', told.seconds),
    requests: count('requests', told.requests),
    connections: count('connections', told.connections),
    seed: told.seed === undefined ? Math.floor(Math.random() * 1e9) : whole('seed', told.seed),
    from,
    to,
    books,
    save,
    render,
    runtime: findRuntime(told.runtime),
  }
}

function targetsOf(names: string, runtime: string): readonly string[] {
  const family = runtime.replace(/\d+$/, '')
  const there = Object.keys(targets).filter((name) => targets[name]!.runtime === family)
  // A runtime that there is not has none, and is named as what is wrong.
  if (names === 'all' || there.length === 0) return there
  const wanted = names.split(',')
  const odd = wanted.find((name) => !there.includes(name))
  if (odd === undefined) return wanted
  const elsewhere = Object.hasOwn(targets, odd) ? `; that one has --runtime ${targets[odd]!.runtime}` : ''
  return wrong('target', odd, `one of ${there.join(', ')}, all${elsewhere}`)
}

/** The first part of a name stands for all that begin with it. */
function peersOf(names: string): readonly string[] {
  const there = Object.keys(pairs)
  const stands = (told: string) => there.some((name) => name === told || name.startsWith(`${told}-`))
  const wanted = names.split(',')
  const odd = wanted.find((told) => told !== 'all' && !stands(told))
  return odd === undefined ? wanted : wrong('against', odd, `one of ${there.join(', ')}, all`)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  return value > 0 && value < Infinity ? value : wrong(name, text, 'a positive number')
}

function count(name: string, text: string): number {
  return /^0*[1-9]\d*$/.test(text) ? Number(text) : wrong(name, text, 'a whole number above 0')
}

function whole(name: string, text: string): number {
  return /^\d+$/.test(text) ? Number(text) : wrong(name, text, 'a whole number')
}

function range(name: string, text: string): [number, number | null] {
  const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? wrong(name, text, 'visits by number, like 120-120')
  return [Number(from), to === undefined ? null : Number(to)]
}

function wrong(name: string, value: string, expected: string): never {
  throw new Error(`Invalid --${name}: expected ${expected}, got ${value}`)
}
