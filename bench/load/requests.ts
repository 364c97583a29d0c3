import type { Job, Sent } from './job.js'

/** Gives each connection its next request, as bytes. */
export interface RequestSource {
  /** @returns undefined if no request is left */
  next(connection: number): Buffer | undefined
  /** Takes the next token of a chain from an answer. */
  read(connection: number, answer: Buffer): void
  /** The last token of each connection, in a chain. */
  readonly tokens: string[] | undefined
}

export function createRequestSource({ url, requests, connections, once, chain }: Job): RequestSource {
  const { host } = new URL(url)
  if (chain !== undefined) return chainedSource(host, requests, chain)
  const bytes = requests.map((request) => Buffer.from(textOf(request, host)))
  const positions = Array.from({ length: connections }, (_, index) => Math.floor((index * bytes.length) / connections))
  let sent = 0
  return {
    next(connection) {
      if (once) {
        sent += 1
        return bytes[sent - 1]
      }
      const position = positions[connection] ?? 0
      positions[connection] = (position + 1) % bytes.length
      return bytes[position]
    },
    read() {},
    tokens: undefined,
  }
}

function chainedSource(host: string, requests: readonly Sent[], chain: NonNullable<Job['chain']>): RequestSource {
  const pattern = new RegExp(chain.pattern)
  const tokens = [...chain.tokens]
  return {
    next(connection) {
      const request = requests[connection % requests.length]
      const token = tokens[connection]
      return request === undefined || token === undefined ? undefined : Buffer.from(textOf(fill(request, token), host))
    },
    read(connection, answer) {
      const token = pattern.exec(answer.toString('latin1'))?.[1]
      if (token === undefined) throw new Error('an answer holds no next token')
      tokens[connection] = token
    },
    tokens,
  }
}

function fill(request: Sent, token: string): Sent {
  return JSON.parse(JSON.stringify(request).replaceAll('{token}', token)) as Sent
}

function textOf({ method, path, headers, body = '' }: Sent, host: string): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...fields, ...length, '', body].join('\r\n')
}
