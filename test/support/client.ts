import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'

/** A new connection, with its look-up of `localhost`, costs a third of a request. */
const agent = new Agent({ keepAlive: true })

/** An answer, its body parsed where it is JSON. */
export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  body: any
}

export interface SendOptions {
  body?: unknown
  /** Sent as it is, instead of `body`. */
  raw?: string | Buffer
  headers?: Record<string, string | string[] | undefined>
  /** Leaves out the CSRF header that the client would add. */
  csrf?: string | false
}

/** A browser's share of HTTP: keeps cookies by path and echoes the CSRF token. */
export class Client {
  readonly cookies = new Map<string, { value: string; path: string; attributes: string }>()
  readonly origin: string

  constructor(
    readonly baseUrl: string,
    readonly defaults: Record<string, string> = {},
  ) {
    this.origin = new URL(baseUrl).origin
  }

  get = (path: string, options?: SendOptions) => this.send('GET', path, options)
  post = (path: string, body: unknown = {}, options?: SendOptions) => this.send('POST', path, { body, ...options })
  patch = (path: string, body: unknown, options?: SendOptions) => this.send('PATCH', path, { body, ...options })
  delete = (path: string, options?: SendOptions) => this.send('DELETE', path, options)

  cookie(name: string): string | undefined {
    return this.cookies.get(`identsphere_${name}`)?.value
  }

  cookieHeader(path: string): string {
    const pathname = path.split('?')[0] ?? path
    return [...this.cookies]
      .filter(([, cookie]) => cookie.path === '/' || pathname === cookie.path || pathname.startsWith(`${cookie.path}/`))
      .map(([name, cookie]) => `${name}=${cookie.value}`)
      .join('; ')
  }

  async send(method: string, path: string, options: SendOptions = {}): Promise<Answer> {
    const url = new URL(this.baseUrl)
    const mount = url.pathname === '/' ? '' : url.pathname
    const target = path.startsWith('http') ? path.slice(url.origin.length) : `${mount}${path}`
    const payload = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    const csrf = options.csrf === undefined ? this.cookie('csrf') : options.csrf
    const cookies = this.cookieHeader(target)
    const headers = Object.fromEntries(
      Object.entries({
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...(cookies === '' ? {} : { cookie: cookies }),
        ...(typeof csrf === 'string' && !['GET', 'HEAD'].includes(method) ? { 'x-identsphere-csrf': csrf } : {}),
        ...(payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) }),
        ...this.defaults,
        ...options.headers,
      }).filter(([, value]) => value !== undefined),
    ) as Record<string, string | string[]>
    const answer = await exchange(url, method, target, headers, payload)
    this.keep(answer.headers['set-cookie'] ?? [])
    return answer
  }

  /** Keeps the cookies of `Set-Cookie` lines. */
  keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split('; ')
      const separator = pair.indexOf('=')
      const name = pair.slice(0, separator).replace(/^__(Host|Secure)-/, '')
      const path = attributes.find((part) => part.startsWith('Path='))?.slice(5) ?? '/'
      if (attributes.includes('Max-Age=0')) this.cookies.delete(name)
      else this.cookies.set(name, { value: pair.slice(separator + 1), path, attributes: attributes.join('; ') })
    }
  }
}

function exchange(
  url: URL,
  method: string,
  path: string,
  headers: Record<string, string | string[]>,
  payload: string | Buffer | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: url.hostname, port: url.port, method, path, headers, agent }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const isJson = incoming.headers['content-type']?.startsWith('application/json') ?? false
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          body: isJson && text !== '' ? JSON.parse(text) : undefined,
        })
      })
    })
    // The server may close an idle connection just when it is used again. Then the request never arrived.
    const isStale = (error: NodeJS.ErrnoException) => outgoing.reusedSocket && error.code === 'ECONNRESET'
    outgoing.on('error', (error) => {
      if (isStale(error)) resolve(exchange(url, method, path, headers, payload))
      else reject(error)
    })
    outgoing.end(payload)
  })
}
