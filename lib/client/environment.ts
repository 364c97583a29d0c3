/** Browser APIs that the client uses besides `fetch`. They are absent outside browsers, and some browsers lack parts. */
export interface Environment {
  readonly document?: { readonly cookie: string }
  readonly location?: { readonly href: string; readonly origin: string }
  readonly navigator?: { readonly locks?: Locks }
  readonly localStorage?: { getItem(key: string): string | null; setItem(key: string, value: string): void }
  readonly PublicKeyCredential?: object
  readonly BroadcastChannel?: new (name: string) => Channel
}

interface Locks {
  request<T>(name: string, options: { ifAvailable?: boolean }, work: (lock: object | null) => Promise<T>): Promise<T>
}

interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null
  postMessage(message: unknown): void
}

/** Coordination of the tabs of one browser. */
export interface Tabs {
  /** Runs one work at a time in all tabs. `waited`: another work has run before, maybe in another tab. */
  exclusive<T>(work: (waited: boolean) => Promise<T>): Promise<T>
  /** Changes if any tab has new tokens. */
  mark(): string
  newMark(): void
  broadcast(message: string): void
  onBroadcast(listener: (message: unknown) => void): void
}

/** For clients outside browsers, and for clients with their own tokens. */
export function createSingleTab(): Tabs {
  let mark = ''
  let last: Promise<unknown> = Promise.resolve()
  return {
    exclusive(work) {
      const result = last.then(() => work(false))
      last = result.catch(() => {})
      return result
    },
    mark: () => mark,
    newMark() {
      mark = newText()
    },
    broadcast() {},
    onBroadcast() {},
  }
}

/**
 * The tabs of a browser. Without Web Locks, two tabs may refresh at the same time, and the server accepts that for some seconds.
 * Without storage, each tab has its own mark, and may refresh once more than needed.
 */
export function createTabs(environment: Environment, name: string): Tabs {
  const single = createSingleTab()
  const locks = environment.navigator?.locks
  const channel = environment.BroadcastChannel === undefined ? null : new environment.BroadcastChannel(name)

  return {
    async exclusive(work) {
      if (locks === undefined) return single.exclusive(work)
      const first = await locks.request(name, { ifAvailable: true }, async (lock) =>
        lock === null ? null : { result: await work(false) },
      )
      return first === null ? locks.request(name, {}, () => work(true)) : first.result
    },
    mark() {
      try {
        return environment.localStorage?.getItem(name) ?? single.mark()
      } catch {
        return single.mark() // browsers throw if the user forbids storage
      }
    },
    newMark() {
      single.newMark()
      try {
        environment.localStorage?.setItem(name, single.mark())
      } catch {
        // The same: the user may forbid storage.
      }
    },
    broadcast: (message) => channel?.postMessage(message),
    onBroadcast(listener) {
      if (channel !== null) channel.onmessage = ({ data }) => listener(data)
    },
  }
}

function newText(): string {
  return `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`
}

/** The CSRF token from the cookie, or null. */
export function csrfCookie(cookies: string): string | null {
  const find = (name: string) => cookies.split('; ').find((pair) => pair.startsWith(`${name}=`))
  const pair = find('__Host-identsphere_csrf') ?? find('identsphere_csrf')
  return pair?.slice(pair.indexOf('=') + 1) || null
}
