/** A request that the load generator sends. */
export interface Sent {
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  body?: string
}

/** One run of load against one server. */
export interface Job {
  url: string
  connections: number
  seconds: number
  /** Requests per second at fixed times. Without it, each connection sends as soon as it has its answer. */
  rate?: number
  /** Each connection sends these in turn, from a start of its own. */
  requests: readonly Sent[]
  /** Sends each request once. The run ends early if none is left. */
  once?: boolean
  /** Each connection replaces `{token}` in its request by a token, and takes the next token from the answer. */
  chain?: {
    /** A regular expression. Its first group is the next token. */
    pattern: string
    /** The first token of each connection. */
    tokens: readonly string[]
  }
}

/** What the load generator saw. */
export interface Outcome {
  answers: number
  requestsPerSecond: number
  /** Milliseconds, as `p95` and `p99`. With a `rate`, from the time when the request was due. */
  p50: number
  p95: number
  p99: number
  /** How often each status came. */
  statuses: Record<string, number>
  /** The token that each connection got last. */
  tokens?: string[]
}
