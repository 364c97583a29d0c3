/** What the client looks at besides `fetch`. All of it is absent outside browsers, and parts of it in some. */
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

/** What the tabs of one browser share: one refresh at a time, a mark of the last one, and what one tells the others. */
export interface Tabs {
  /** Runs one at a time over all tabs. `waited`: another one ran just before, maybe in another tab. */
  exclusive<T>(work: (waited: boolean) => Promise<T>): Promise<T>
  /** Changes whenever some tab has new tokens. */
  mark(): string
  newMark(): void
  tell(message: string): void
  onTold(listener: (message: unknown) => void): void
}

/** Where there are no other tabs to think of, or the tokens are this client's own. */
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
    tell() {},
    onTold() {},
  }
}

/**
 * The tabs of a browser. Without Web Locks each tab takes its own turn, and the server's grace covers two that refresh at once;
 * without storage each keeps its own mark, and refreshes once more than needed.
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
        return single.mark() // browsers throw where a user forbids storage
      }
    },
    newMark() {
      single.newMark()
      try {
        environment.localStorage?.setItem(name, single.mark())
      } catch {
        // as above
      }
    },
    tell: (message) => channel?.postMessage(message),
    onTold(listener) {
      if (channel !== null) channel.onmessage = ({ data }) => listener(data)
    },
  }
}

function newText(): string {
  return `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`
}

/** The CSRF token of the readable cookie, or null. */
export function csrfCookie(cookies: string): string | null {
  const find = (name: string) => cookies.split('; ').find((pair) => pair.startsWith(`${name}=`))
  const pair = find('__Host-identsphere_csrf') ?? find('identsphere_csrf')
  return pair?.slice(pair.indexOf('=') + 1) || null
}
