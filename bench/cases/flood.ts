import { setTimeout } from 'node:timers/promises'
import { type Measured, measure, type Run } from '../measure.js'
import { subjectOf } from './guard.js'
import { loginRequests } from './login.js'

const connections = 10
/** Enough to keep the hashing queue filled, and fewer than it refuses. */
const floodConnections = 32
/** Milliseconds until the queue is filled. */
const fillMs = 300

/** What the logins use as well cannot be counted per guarded request. */
const notPerRequest = { statements: Number.NaN, serverCpuUs: Number.NaN, postgresCpuUs: Number.NaN }

/** Guarded requests while logins come as fast as they can be hashed, against the same without logins. */
export async function floodCase(run: Run): Promise<Measured[]> {
  const flood = run.children.startGenerator()
  const measured: Measured[] = []
  const { seconds } = run.options
  try {
    for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
      for (const id of ['before', 'identsphere'] as const) {
        const peer = run.roster.get(id)
        if (peer === undefined) continue
        const job = { connections, seconds, requests: peer.guarded }
        measured.push(await measure(run, subjectOf(peer, 'flood', 'quiet'), job))
        const flooded = flood.run({
          url: peer.server.url,
          connections: floodConnections,
          seconds: seconds + 1,
          requests: loginRequests('/v1/auth/login'),
        })
        await setTimeout(fillMs)
        measured.push({ ...(await measure(run, subjectOf(peer, 'flood', 'login flood'), job)), ...notPerRequest })
        const { statuses } = await flooded
        if (Object.keys(statuses).some((status) => status !== '200')) {
          throw new Error(`the logins of the flood were answered ${JSON.stringify(statuses)}`)
        }
      }
    }
  } finally {
    await flood.stop()
  }
  return measured
}
