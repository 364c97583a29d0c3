import type { Server } from '../children.js'
import type { Run } from '../measure.js'
import { bcryptEmails, loginEmails } from '../seed/identsphere.js'
import { mannWhitney, median, percentiles } from '../statistics.js'

/** At once: one for each core, so that none waits for another. */
const workers = 2

/** A request whose duration must not tell whether an address has an account. */
interface Question {
  name: string
  server: Server
  path: string
  status: number
  /** Requests of each kind. */
  each: number
  body(email: string): object
}

/**
 * How long each public request takes, by what the address has: nothing, or an account. A login is also sent to accounts with
 * a bcrypt hash. All requests of one question come in random order.
 *
 * @returns lines of text, with the probability that a difference comes by chance
 */
export async function enumerationCase(run: Run): Promise<string[]> {
  const mailing = await run.children.startServer('identsphere', { ...run.seeds.identsphere.input, mailing: true })
  const lines: string[] = []
  try {
    for (const question of questionsOf(run, mailing)) lines.push(...(await compare(question)))
  } finally {
    await mailing.stop()
  }
  return lines
}

function questionsOf(run: Run, mailing: Server): Question[] {
  const identsphere = run.roster.get('identsphere')
  if (identsphere === undefined) return []
  const password = 'wrong-horse-battery-8'
  const each = run.options.quick ? 30 : 200
  // A refused login is held back for a second.
  const eachLogin = run.options.quick ? 10 : 60
  const byEmail = { server: mailing, status: 204, each, body: (email: string) => ({ email }) }
  const byPassword = { each, body: (email: string) => ({ email, password }) }
  return [
    {
      ...byPassword,
      name: 'refused login',
      server: identsphere.server,
      path: '/v1/auth/login',
      status: 401,
      each: eachLogin,
    },
    { ...byPassword, name: "register, 'first'", server: mailing, path: '/v1/auth/register', status: 202 },
    { ...byEmail, name: 'forgotten password', path: '/v1/auth/password/forgot' },
    { ...byEmail, name: 'code request', path: '/v1/auth/email-otp/request' },
    { ...byEmail, name: 'link request', path: '/v1/auth/magic-link/request' },
    {
      ...byEmail,
      name: 'wrong code',
      path: '/v1/auth/email-otp/verify',
      status: 401,
      body: (email) => ({ email, code: '000000' }),
    },
  ]
}

async function compare(question: Question): Promise<string[]> {
  const { name, path, each } = question
  const kinds = {
    unknown: Array.from({ length: each }, (_, index) => `unknown${index}@example.com`),
    known: loginEmails().slice(-each),
    ...(path.endsWith('/login') ? { bcrypt: bcryptEmails().slice(-each) } : {}),
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
    ([kind, values]) => `${kind} ${median(values).toFixed(2)} ms (p95 ${percentiles(values, [0.95])[0]?.toFixed(2)})`,
  )
  const comparisons = Object.entries(others).map(([kind, values]) => {
    const { z, probability } = mannWhitney(unknown, values)
    const ratio = median(values) / median(unknown)
    return `  - ${kind}: median ${ratio.toFixed(3)} × unknown, Mann-Whitney z ${z.toFixed(2)}, p ${probability.toFixed(3)}`
  })
  return [`- ${name}, ${each} each: ${times.join(', ')}`, ...comparisons]
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
