/** As much of autocannon as the load generator uses; it brings no types. */
declare module 'autocannon' {
  interface Request {
    method: string
    path: string
    headers: Record<string, string>
    body?: string
  }
  interface Client {
    setRequests(requests: Request[]): void
  }
  interface Result {
    statusCodeStats: Record<string, { count: number }>
    errors: number
    duration: number
  }
  interface Instance extends PromiseLike<Result> {
    on(event: 'response', listener: (client: Client, status: number, bytes: number, milliseconds: number) => void): this
  }
  export default function autocannon(options: {
    url: string
    connections: number
    duration: number
    requests: Request[]
    setupClient(client: Client): void
  }): Instance
}
