import type { Job, Sent } from '../load/job.js'
import { type Measured, measure, type Run } from '../measure.js'
import type { RunningPeer } from '../roster.js'
import { loginEmails } from '../seed/identsphere.js'
import { password } from '../settings.js'
import { subjectOf } from './guard.js'
import { jsonRequest } from './login.js'

const connections = 10

/** One refresh after another on each connection, so that each uses the token that the last one gave. */
export interface Chain {
  requests: Sent[]
  chain: NonNullable<Job['chain']>
}

type Delivery = 'cookie' | 'body'

/** Rotation of refresh tokens, in cookies and in bodies, against the same work by hand. */
export async function refreshCase(run: Run): Promise<Measured[]> {
  const chains = new Map<string, Chain>()
  const measured: Measured[] = []
  const { seconds } = run.options
  for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
    for (const delivery of ['cookie', 'body'] as const) {
      for (const id of ['byHand', 'before', 'identsphere'] as const) {
        const peer = run.roster.get(id)
        if (peer === undefined) continue
        const key = `${id} ${delivery}`
        const current = chains.get(key) ?? (await startChain(peer, delivery, connections))
        const subject = subjectOf(peer, `refresh, ${delivery}`, `${connections} connections`)
        const { tokens, ...one } = await measure(run, subject, { connections, seconds, ...current })
        chains.set(key, advance(current, tokens))
        measured.push(one)
      }
    }
  }
  return measured
}

export function advance(current: Chain, tokens: readonly string[] | undefined): Chain {
  return tokens === undefined ? current : { ...current, chain: { ...current.chain, tokens } }
}

/** Signs in once for each connection. */
export async function startChain(peer: RunningPeer, delivery: Delivery, count: number): Promise<Chain> {
  const isByHand = peer.id === 'byHand'
  const path = isByHand ? '/refresh' : '/v1/auth/refresh'
  const started = await Promise.all(
    loginEmails()
      .slice(0, count)
      .map((email) => signIn(`${peer.server.url}${isByHand ? '/login' : '/v1/auth/login'}`, email, delivery)),
  )
  const tokens = started.map(({ refreshToken }) => refreshToken)
  if (delivery === 'body') {
    const requests = [jsonRequest(path, { refresh_token: '{token}' })]
    return { requests, chain: { pattern: '"refresh_token":"([\\w-]+)"', tokens } }
  }
  const requests = started.map(({ csrfToken }) => ({
    method: 'POST',
    path,
    headers: { Cookie: `identsphere_rt={token}; identsphere_csrf=${csrfToken}`, 'X-CSRF-Token': csrfToken },
  }))
  return { requests, chain: { pattern: 'identsphere_rt=([\\w-]+)', tokens } }
}

async function signIn(
  url: string,
  email: string,
  delivery: Delivery,
): Promise<{ refreshToken: string; csrfToken: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, token_delivery: delivery }),
  })
  const cookies = response.headers.getSetCookie().join('; ')
  const cookieValue = (name: string) => new RegExp(`identsphere_${name}=([^;]+)`).exec(cookies)?.[1]
  const body = (await response.json()) as { refresh_token?: string }
  const refreshToken = body.refresh_token ?? cookieValue('rt')
  if (refreshToken === undefined) throw new Error(`${url} was answered ${response.status}`)
  return { refreshToken, csrfToken: cookieValue('csrf') ?? '' }
}
