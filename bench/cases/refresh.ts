import type { Server } from '../children.js'
import { measure, type Run } from '../measure.js'
import type { Measured } from '../report.js'
import { password } from '../seed.js'

const connections = 10

/** Rotation of refresh tokens against a bare transaction of three statements, with the same load generator. */
export async function refreshCase(
  run: Run,
  servers: Record<'naive' | 'identsphere', Server>,
): Promise<{ measured: Measured[] }> {
  const users = run.seed.argon2Users.slice(0, connections)
  let chains = await Promise.all(users.map((email) => signIn(servers.identsphere.url, email)))
  const measured: Measured[] = []
  for (let repetition = 0; repetition < run.repetitions; repetition += 1) {
    for (const path of ['/transaction', '/v1/auth/refresh'] as const) {
      const server = path === '/transaction' ? servers.naive : servers.identsphere
      const name = path === '/transaction' ? 'bare transaction' : 'refresh'
      const { chains: last, ...one } = await measure(run.generator, server, {
        name,
        connections,
        seconds: run.seconds,
        requests: [],
        chains: { path, tokens: chains },
      })
      if (path === '/v1/auth/refresh') chains = last ?? chains
      measured.push(path === '/transaction' ? one : { ...one, against: 'bare transaction' })
    }
  }
  return { measured }
}

async function signIn(url: string, email: string): Promise<string> {
  const response = await fetch(`${url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, token_delivery: 'body' }),
  })
  return ((await response.json()) as { refresh_token: string }).refresh_token
}
