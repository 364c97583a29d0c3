import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** Cases in the order in which they run. */
export const caseNames = [
  'guard',
  'latency',
  'login',
  'refresh',
  'register',
  'flood',
  'start',
  'enumeration',
  'install',
  'size',
  'soak',
] as const
export type CaseName = (typeof caseNames)[number]

/** Cases that run for minutes, fill gigabytes, or need the registry. */
const longCases: readonly CaseName[] = ['install', 'size', 'soak']
const notQuick: readonly CaseName[] = [...longCases, 'latency']

export interface Options {
  quick: boolean
  cases: readonly CaseName[]
  /** Major versions of Node that run the servers. */
  nodes: readonly string[]
  /** The file `lib/index.js` of another build, or null. */
  before: string | null
  repetitions: number
  /** Of one measurement. */
  seconds: number
  /** Rows of the large table in the case `size`. */
  sessions: number
  /** Of the case `soak`. */
  minutes: number
  /** Writes the tables to `docs/performance.md`. */
  publish: boolean
  profile: boolean
}

export const help = `npm run bench -- [options]

  --quick            ends within 3 minutes: fewer and shorter measurements, without latency
  --only=a,b         these cases only: ${caseNames.join(', ')}
  --all              every case but soak. Without it, install and size are left out too
  --before=PATH      another checkout that is built, or its dist: measured beside this build
  --node=20,24       major versions of Node for the servers; default: the one that runs this
  --repetitions=5    of each measurement
  --seconds=1        of each measurement
  --sessions=5000000 rows of the large table in the case size
  --minutes=30       of the case soak
  --publish          writes the tables to docs/performance.md
  --profile          writes CPU profiles to bench/results`

/** @throws Error for an unknown option, case or folder */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      only: { type: 'string' },
      before: { type: 'string' },
      node: { type: 'string' },
      repetitions: { type: 'string' },
      seconds: { type: 'string' },
      sessions: { type: 'string', default: '5000000' },
      minutes: { type: 'string', default: '30' },
      publish: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  })
  const { quick, publish, profile } = values
  return {
    quick,
    publish,
    profile,
    cases: casesOf(values.only, values),
    nodes: values.node?.split(',') ?? [process.versions.node.split('.')[0] ?? ''],
    before: values.before === undefined ? null : entryOf(resolve(values.before)),
    repetitions: numberOf('repetitions', values.repetitions ?? (quick ? '3' : '5')),
    seconds: numberOf('seconds', values.seconds ?? (quick ? '0.3' : '1')),
    sessions: numberOf('sessions', values.sessions),
    minutes: numberOf('minutes', values.minutes),
  }
}

function casesOf(only: string | undefined, { quick, all }: { quick: boolean; all: boolean }): readonly CaseName[] {
  if (only === undefined) {
    const without = quick ? notQuick : all ? ['soak'] : longCases
    return caseNames.filter((name) => !without.includes(name))
  }
  const wanted = only.split(',')
  const unknown = wanted.filter((name) => !(caseNames as readonly string[]).includes(name))
  if (unknown.length > 0) throw new Error(`unknown case: ${unknown.join(', ')}`)
  return caseNames.filter((name) => wanted.includes(name))
}

/** @param path a checkout, or its `dist` */
export function entryOf(path: string): string {
  const found = [join(path, 'dist/lib/index.js'), join(path, 'lib/index.js')].find(existsSync)
  if (found === undefined) throw new Error(`${path} holds no build: run npm run build there first`)
  return found
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} needs a number above 0`)
  return value
}
