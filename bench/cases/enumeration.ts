import type { Server } from '../children.js'
import type { Run } from '../measure.js'
import { mannWhitney, median, percentile } from '../statistics.js'

/** At once: one for each core, so that none waits for another's turn. */
const workers = 2

/** A request whose duration must not tell whether an address has an account. */
interface Question {
  name: string
  server: Server
  path: string
  status: number
  body(email: string): object
}

/**
 * How long each public request takes, by what the address has: nothing, or an account, with a bcrypt hash too where a password
 * is asked for. All of one kind of request in random order.
 */
export async function enumerationCase(
  run: Run,
  servers: { identsphere: Server; mailing: Server },
): Promise<{ measured: []; notes: string[] }> {
  const each = run.quick ? 30 : 200
  const { identsphere, mailing } = servers
  const password = 'wrong-horse-battery-8'
  const byEmail = { server: mailing, status: 204, body: (email: string) => ({ email }) }
  const questions: Question[] = [
    {
      name: 'refused login',
      server: identsphere,
      path: '/v1/auth/login',
      status: 401,
      body: (email) => ({ email, password }),
    },
    {
      name: "register, 'first'",
      server: mailing,
      path: '/v1/auth/register',
      status: 202,
      body: (email) => ({ email, password }),
    },
    { name: 'forgotten password', path: '/v1/auth/password/forgot', ...byEmail },
    { name: 'code request', path: '/v1/auth/email-otp/request', ...byEmail },
    { name: 'link request', path: '/v1/auth/magic-link/request', ...byEmail },
    {
      name: 'wrong code',
      server: mailing,
      path: '/v1/auth/email-otp/verify',
      status: 401,
      body: (email) => ({ email, code: '000000' }),
    },
  ]
  const notes: string[] = []
  for (const question of questions) notes.push(...(await compare(run, question, each)))
  return { measured: [], notes }
}

async function compare(run: Run, question: Question, each: number): Promise<string[]> {
  const kinds = {
    unknown: Array.from({ length: each }, (_, index) => `nobody${index}@example.com`),
    known: run.seed.argon2Users.slice(-each),
    ...(question.path.endsWith('/login') ? { bcrypt: run.seed.bcryptUsers.slice(-each) } : {}),
  }
  const samples = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, [] as number[]]))
  const tasks = Object.entries(kinds)
    .flatMap(([kind, emails]) => emails.map((email) => ({ kind, email, order: Math.random() })))
    .sort((a, b) => a.order - b.order)
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
        samples[task.kind]?.push(await duration(question, task.email))
      }
    }),
  )
  const { unknown = [], ...others } = samples
  const times = Object.entries(samples).map(
    ([kind, values]) => `${kind} ${median(values).toFixed(2)} ms (p95 ${percentile(values, 0.95).toFixed(2)})`,
  )
  const comparisons = Object.entries(others).map(([kind, values]) => {
    const { z, probability } = mannWhitney(unknown, values)
    const ratio = median(values) / median(unknown)
    return `  ${kind}: median ${ratio.toFixed(3)} × unknown, Mann-Whitney z ${z.toFixed(2)}, p ${probability.toFixed(3)}`
  })
  return [`${question.name}, ${each} each: ${times.join(', ')}.`, ...comparisons]
}

async function duration({ server, path, status, body }: Question, email: string): Promise<number> {
  const began = performance.now()
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body(email)),
  })
  await response.text()
  if (response.status !== status) throw new Error(`${path} was answered ${response.status} instead of ${status}`)
  return performance.now() - began
}
