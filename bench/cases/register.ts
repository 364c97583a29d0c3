import type { Sent } from '../load/job.js'
import { type Measured, measure, type Run } from '../measure.js'
import { password } from '../settings.js'
import { subjectOf } from './guard.js'
import { jsonRequest } from './login.js'

const connections = 8
/** More registrations per second than Argon2id allows on any machine with a few cores. */
const maxPerSecond = 500

/** Registrations, against the same work by hand. Each makes a user, an organization and a session. */
export async function registerCase(run: Run): Promise<Measured[]> {
  const measured: Measured[] = []
  const { seconds } = run.options
  for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
    for (const id of ['byHand', 'before', 'identsphere'] as const) {
      const peer = run.roster.get(id)
      if (peer === undefined) continue
      const path = id === 'byHand' ? '/register' : '/v1/auth/register'
      const subject = { ...subjectOf(peer, 'register', `${connections} connections`), status: 201 }
      const job = { connections, seconds, requests: registrations(path, seconds), once: true }
      measured.push(await measure(run, subject, job))
    }
  }
  return measured
}

let registered = 0

export function registrations(path: string, seconds: number): Sent[] {
  return Array.from({ length: Math.ceil(seconds * maxPerSecond) }, () => {
    registered += 1
    const email = `new${registered}-${process.pid}@example.com`
    return jsonRequest(path, { email, password, organization_name: `Company ${registered}` })
  })
}
