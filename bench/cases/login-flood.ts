import { type Server, startGenerator } from '../children.js'
import { measure, type Run } from '../measure.js'
import type { Measured } from '../report.js'
import { guardedRequests } from './guard.js'
import { loginRequests } from './login.js'

const connections = 10
/** Enough to keep the hashing queue filled, and fewer than it refuses. */
const flooding = 32

/** Guarded requests while logins come as fast as they can be hashed, against the same without. */
export async function loginFloodCase(
  run: Run,
  identsphere: Server,
): Promise<{ measured: Measured[]; notes: string[] }> {
  const requests = guardedRequests(run.seed.tokens)
  const flood = startGenerator()
  const measured: Measured[] = []
  const answered = new Set<string>()
  try {
    for (let repetition = 0; repetition < run.repetitions; repetition += 1) {
      const quiet = { name: 'guard, quiet', connections, seconds: run.seconds, requests }
      measured.push(await measure(run.generator, identsphere, quiet))
      const flooded = flood.run({
        url: identsphere.url,
        connections: flooding,
        seconds: run.seconds + 1,
        requests: loginRequests(run.seed.argon2Users),
      })
      await new Promise((resolve) => setTimeout(resolve, 500))
      const { queries, ...one } = await measure(run.generator, identsphere, { ...quiet, name: 'guard, login flood' })
      measured.push({ ...one, against: quiet.name })
      for (const status of Object.keys((await flooded).statuses)) answered.add(status)
    }
  } finally {
    await flood.stop()
  }
  return { measured, notes: [`The logins of the flood were answered ${[...answered].join(', ')}.`] }
}
