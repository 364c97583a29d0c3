import type { Children, Generator, Server } from './children.js'
import type { Job } from './load/job.js'
import type { NodeVersion } from './node-versions.js'
import type { Options } from './options.js'
import { type BenchPostgres, cpuBetween } from './postgres.js'
import type { Roster, Seeds } from './roster.js'

/** What every case gets. */
export interface Run {
  node: NodeVersion
  options: Options
  children: Children
  generator: Generator
  postgres: BenchPostgres
  seeds: Seeds
  roster: Roster
}

/** One measurement. */
export interface Measured {
  /** Major version of Node. */
  node: string
  case: string
  /** E.g. `10 connections`. */
  load: string
  name: string
  requestsPerSecond: number
  /** Milliseconds. */
  p50: number
  p95: number
  p99: number
  /** Statements that reached Postgres, per request. */
  statements: number
  /** Processor time of the server, in microseconds per request. */
  serverCpuUs: number
  /** Processor time of Postgres, in microseconds per request. */
  postgresCpuUs: number
  /** Garbage collection of the server, in milliseconds per second. */
  gcMs: number
  /** Resident bytes of the server afterwards. */
  rss: number
}

/** What is measured, and under which name it is shown. */
export interface Subject {
  case: string
  load: string
  name: string
  server: Server
  databaseUrl: string
  /** The status of every answer. Default 200. */
  status?: number
}

/** Seconds of load before each measurement, so that pools are connected again. */
const warmUpSeconds = 0.2

/** Warms up, then measures. Tokens of a chain are handed on. @throws Error if an answer has another status */
export async function measure(
  run: Run,
  subject: Subject,
  job: Omit<Job, 'url'>,
): Promise<Measured & { tokens?: string[] }> {
  const url = subject.server.url
  let { chain } = job
  if (job.once !== true) {
    const warmUp = await run.generator.run({ ...job, url, seconds: warmUpSeconds })
    assertStatus(subject, warmUp.statuses)
    if (chain !== undefined && warmUp.tokens !== undefined) chain = { ...chain, tokens: warmUp.tokens }
  }
  const before = await run.postgres.read(subject.databaseUrl)
  await subject.server.usage()
  const began = performance.now()
  const outcome = await run.generator.run({ ...job, url, ...(chain && { chain }) })
  const seconds = (performance.now() - began) / 1000
  const usage = await subject.server.usage()
  const after = await run.postgres.read(subject.databaseUrl)
  const { statuses, answers, ...figures } = outcome
  assertStatus(subject, statuses)
  return {
    node: run.node.major,
    case: subject.case,
    load: subject.load,
    name: subject.name,
    ...figures,
    statements: (after.statements - before.statements) / answers,
    serverCpuUs: (usage.cpuMs * 1000) / answers,
    postgresCpuUs: (cpuBetween(before, after) * 1000) / answers,
    gcMs: usage.gcMs / seconds,
    rss: usage.rss,
  }
}

function assertStatus({ case: name, name: server, status = 200 }: Subject, statuses: Record<string, number>): void {
  if (Object.keys(statuses).some((one) => one !== String(status))) {
    throw new Error(`${name}, ${server}: answered ${JSON.stringify(statuses)} instead of ${status}`)
  }
}
