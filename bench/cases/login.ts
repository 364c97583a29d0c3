import type { Sent } from '../load/job.js'
import { type Measured, measure, type Run } from '../measure.js'
import { loginEmails } from '../seed/identsphere.js'
import { password } from '../settings.js'
import { subjectOf } from './guard.js'

const connections = 8

/** Logins that succeed, against the same work by hand, and against Argon2id alone. */
export async function loginCase(run: Run): Promise<Measured[]> {
  const measured: Measured[] = []
  const { seconds } = run.options
  for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
    for (const id of ['byHand', 'before', 'identsphere'] as const) {
      const peer = run.roster.get(id)
      if (peer === undefined) continue
      const subject = subjectOf(peer, 'login', `${connections} connections`)
      if (id === 'byHand') {
        const requests = [hashRequest(run.seeds.identsphere.passwordHash)]
        measured.push(await measure(run, { ...subject, name: 'Argon2id alone' }, { connections, seconds, requests }))
      }
      const requests = loginRequests(id === 'byHand' ? '/login' : '/v1/auth/login')
      measured.push(await measure(run, subject, { connections, seconds, requests }))
    }
  }
  return measured
}

export function loginRequests(path: string): Sent[] {
  return loginEmails().map((email) => jsonRequest(path, { email, password }))
}

function hashRequest(stored: string): Sent {
  return jsonRequest('/argon2', { stored, password })
}

export function jsonRequest(path: string, body: object): Sent {
  return { method: 'POST', path, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
}
