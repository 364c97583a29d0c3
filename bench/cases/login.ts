import { type Server, startServer } from '../children.js'
import type { Sent } from '../load.js'
import { measure, type Run } from '../measure.js'
import type { Measured } from '../report.js'
import { password } from '../seed.js'

const connections = 8

/** Successful logins against the Argon2 library alone. */
export async function loginCase(run: Run, identsphere: Server): Promise<{ measured: Measured[] }> {
  const measured: Measured[] = []
  for (let repetition = 0; repetition < run.repetitions; repetition += 1) {
    // Started for each run: it measures while it starts, and has nothing else to do.
    const library = await startServer('argon2', { seconds: run.seconds })
    await library.stop()
    const { verificationsPerSecond } = library.greeting
    const name = 'argon2 alone'
    measured.push({ name, connections, requestsPerSecond: verificationsPerSecond ?? Number.NaN, ...unknown })
    const job = { name: 'login', connections, seconds: run.seconds, requests: loginRequests(run.seed.argon2Users) }
    measured.push({ ...(await measure(run.generator, identsphere, job)), against: name })
  }
  return { measured }
}

const unknown = { p50: Number.NaN, p95: Number.NaN, p99: Number.NaN }

export function loginRequests(emails: readonly string[]): Sent[] {
  return emails.map((email) => ({
    method: 'POST',
    path: '/v1/auth/login',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  }))
}
