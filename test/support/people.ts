/** People who are signed in without hashing: for tests that are about neither registration nor passwords. */
import { password, type TestApp } from './app.js'
import { signInByServices } from './built.js'
import type { Client } from './client.js'

/** A person in a browser. */
export interface Person {
  client: Client
  email: string
  userId: string
  organizationId: string
  sessionId: string
}

type App = Pick<TestApp, 'identsphere' | 'client' | 'sql'>

let people = 0

/** {@link password}, hashed as the product does. */
const ownHash = '$argon2id$v=19$m=19456,t=2,p=1$k3vBDHt0LwAAcwAfr9nFjg$kx4RJhaKIUxuKPAMdNvDg0QjHuQttXA4naCiSP64WvE'

/** {@link password}, hashed as in an import: comparing with it takes a millisecond. The first sign-in with it replaces it. */
export const importedHash = '$2b$04$uMIHgwvJylCV8BCgjCBetef.wdnkGS82MBPxR/I0HIZ.u9LDM2xSu'

/** What a new person is made with. */
export interface PersonOptions {
  email?: string
  emailVerified?: boolean
  /** The stored hash of {@link password}. */
  passwordHash?: string
}

/** A new user with an organization of their own, signed in in a new browser. The password is {@link password}. No mail is sent. */
export async function newPerson(app: App, options: PersonOptions = {}): Promise<Person> {
  people += 1
  const { email = `signed-in-${people}@example.com`, passwordHash = ownHash, ...as } = options
  const signedIn = await signInByServices(app, { email, ...as })
  const { userId } = signedIn.user
  await app.sql('UPDATE identsphere.users SET password_hash = $1, last_password_change = created_at WHERE id = $2', [
    passwordHash,
    userId,
  ])
  const client = app.client()
  client.keep(signedIn.setCookies)
  return { client, email, userId, organizationId: signedIn.organizationId ?? '', sessionId: signedIn.sessionId }
}

/** A new user whose address is verified, signed in in a new browser. */
export function verifiedPerson(app: App): Promise<Person> {
  return newPerson(app, { emailVerified: true })
}

/** Another browser of a user, signed in. */
export async function anotherBrowser(app: App, email: string): Promise<Client> {
  const client = app.client()
  client.keep((await signInByServices(app, { email })).setCookies)
  return client
}

/** A client that keeps its tokens itself and sends them in `Authorization`: of this user, or of a new one. */
export async function nativeClient(app: App, email?: string): Promise<Client> {
  const { bearer } = await signInByServices(app, { email: email ?? (await newPerson(app)).email })
  return app.client(bearer.headers)
}
