import type { Server } from '../children.js'
import type { Run } from '../run.js'
import { mannWhitney, median, percentile } from '../statistics.js'

/** At once: one for each core, so that none waits for another's turn. */
const workers = 2

/** How long a refused login takes, by what the address has: nothing, an Argon2id hash, a bcrypt hash. In random order. */
export async function loginTimingCase(run: Run, identsphere: Server): Promise<{ measured: []; notes: string[] }> {
  const each = run.quick ? 30 : 200
  const kinds = {
    unknown: Array.from({ length: each }, (_, index) => `nobody${index}@example.com`),
    argon2: run.seed.argon2Users.slice(-each),
    bcrypt: run.seed.bcryptUsers.slice(-each),
  }
  const samples: Record<keyof typeof kinds, number[]> = { unknown: [], argon2: [], bcrypt: [] }
  const tasks = (Object.keys(kinds) as Array<keyof typeof kinds>)
    .flatMap((kind) => kinds[kind].map((email) => ({ kind, email, order: Math.random() })))
    .sort((a, b) => a.order - b.order)
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
        samples[task.kind].push(await refusal(identsphere.url, task.email))
      }
    }),
  )

  const known = (['argon2', 'bcrypt'] as const).map((kind) => {
    const { z, probability } = mannWhitney(samples.unknown, samples[kind])
    const ratio = median(samples[kind]) / median(samples.unknown)
    return `${kind}: median ${ratio.toFixed(3)} × unknown, Mann-Whitney z ${z.toFixed(2)}, p ${probability.toFixed(3)}`
  })
  const times = Object.entries(samples).map(
    ([kind, values]) => `${kind} ${median(values).toFixed(1)} ms (p95 ${percentile(values, 0.95).toFixed(1)})`,
  )
  return { measured: [], notes: [`Refused logins, ${each} each: ${times.join(', ')}.`, ...known] }
}

async function refusal(url: string, email: string): Promise<number> {
  const began = performance.now()
  const response = await fetch(`${url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: 'wrong-horse-battery-8' }),
  })
  await response.text()
  if (response.status !== 401) throw new Error(`a wrong password was answered ${response.status}`)
  return performance.now() - began
}
