import type { Server } from '../children.js'
import type { Sent } from '../load.js'
import { measure, type Run } from '../measure.js'
import type { Measured } from '../report.js'

/** The guard against bare Express and against the naive guard, in turn. */
export async function guardCase(
  run: Run,
  servers: Record<'express' | 'naive' | 'identsphere', Server>,
): Promise<{ measured: Measured[] }> {
  const requests = guardedRequests(run.seed.tokens)
  const names = ['express', 'naive', 'identsphere'] as const
  for (const name of names) await measure(run.generator, servers[name], { name, connections: 10, seconds: 3, requests })

  const measured: Measured[] = []
  for (let repetition = 0; repetition < run.repetitions; repetition += 1) {
    for (const connections of [1, 10, 50]) {
      for (const name of names) {
        const job = { name, connections, seconds: run.seconds, requests }
        const one = await measure(run.generator, servers[name], job)
        measured.push(name === 'express' ? one : { ...one, against: 'express' })
        if (name === 'identsphere') measured.push({ ...one, name: 'the same', against: 'naive' })
      }
    }
  }
  return { measured }
}

/** A browser's requests: the cookies of IdentSphere among others. */
export function guardedRequests(tokens: readonly string[]): Sent[] {
  return tokens.map((token) => ({
    method: 'GET',
    path: '/guarded',
    headers: { cookie: `theme=dark; identsphere_at=${token}; identsphere_csrf=1.Zm9v` },
  }))
}
