import type { Outcome } from '../load/job.js'
import type { Run } from '../measure.js'
import { loginRequests } from './login.js'
import { advance, startChain } from './refresh.js'
import { registrations } from './register.js'

const connections = 10

/** Memory of one server under mixed load, once a minute. */
export interface Soaked {
  node: string
  minute: number
  /** Resident bytes. */
  rss: number
  requests: number
}

/** Guarded requests, refreshes, logins and registrations for many minutes, to see whether memory grows. */
export async function soakCase(run: Run): Promise<Soaked[]> {
  const peer = run.roster.get('identsphere')
  if (peer === undefined) return []
  const { server, guarded } = peer
  const { url } = server
  const { generator, options } = run
  const samples: Soaked[] = []
  let chain = await startChain(peer, 'cookie', connections)
  for (let minute = 1; minute <= options.minutes; minute += 1) {
    const outcomes: Outcome[] = []
    outcomes.push(await generator.run({ url, connections, seconds: 30, requests: guarded }))
    const refreshed = await generator.run({ url, connections, seconds: 10, ...chain })
    chain = advance(chain, refreshed.tokens)
    outcomes.push(refreshed)
    outcomes.push(await generator.run({ url, connections, seconds: 10, requests: loginRequests('/v1/auth/login') }))
    const requests = registrations('/v1/auth/register', 10)
    outcomes.push(await generator.run({ url, connections, seconds: 10, once: true, requests }))
    const refused = outcomes
      .flatMap(({ statuses }) => Object.keys(statuses))
      .filter((status) => !/^20[01]$/.test(status))
    if (refused.length > 0) throw new Error(`requests were answered ${refused.join(', ')}`)
    const { rss } = await server.usage()
    const answers = outcomes.reduce((sum, outcome) => sum + outcome.answers, 0)
    samples.push({ node: run.node.major, minute, rss, requests: answers })
    console.log(`minute ${minute}: ${Math.round(rss / 2 ** 20)} MiB after ${answers} requests`)
  }
  return samples
}
