import { type Measured, measure, type Run, type Subject } from '../measure.js'
import type { RunningPeer } from '../roster.js'

/** Connections at once. */
const loads = [1, 10, 50]

/** Requests per second of the open loop, and the connections that share them. Every server can do more. */
const rate = 200
const openConnections = 20

/** Every guard against bare Express, in turn, as fast as it answers. */
export async function guardCase(run: Run): Promise<Measured[]> {
  await compileHotCode(run)
  const measured: Measured[] = []
  for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
    for (const connections of loads) {
      for (const peer of run.roster.values()) {
        const { seconds } = run.options
        const subject = subjectOf(peer, 'guard', `${connections} ${connections === 1 ? 'connection' : 'connections'}`)
        measured.push(await measure(run, subject, { connections, seconds, requests: peer.guarded }))
      }
    }
  }
  return measured
}

/** How long a guarded request takes at a fixed rate that leaves the machine idle most of the time. */
export async function latencyCase(run: Run): Promise<Measured[]> {
  await compileHotCode(run)
  const measured: Measured[] = []
  for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
    for (const peer of run.roster.values()) {
      const { seconds } = run.options
      const subject = subjectOf(peer, 'latency', `${rate} requests/s`)
      measured.push(
        await measure(run, subject, { connections: openConnections, seconds, rate, requests: peer.guarded }),
      )
    }
  }
  return measured
}

/** The first requests run in the interpreter. They are not measured. */
async function compileHotCode({ roster, generator, options }: Run): Promise<void> {
  for (const { server, guarded } of roster.values()) {
    const seconds = options.quick ? 0.4 : 1
    await generator.run({ url: server.url, connections: 10, seconds, requests: guarded })
  }
}

export function subjectOf({ name, server, databaseUrl }: RunningPeer, caseName: string, load: string): Subject {
  return { case: caseName, load, name, server, databaseUrl }
}
