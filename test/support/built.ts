/** What the tests use of an IdentSphere that hosts do not see. No other file of the tests knows how one is put together. */
import type { Route } from '../../lib/core/http/route.js'
import type { Mailbox } from '../../lib/core/mail/mailbox.js'
import type { Store } from '../../lib/core/store/store.js'
import { organizations } from '../../lib/features/organizations/feature.js'
import { registration } from '../../lib/features/registration/feature.js'
import { signIn } from '../../lib/features/sign-in/feature.js'
import { users } from '../../lib/features/users/feature.js'
import type { BuiltIdentSphere } from '../../lib/identsphere.js'
import type { IdentSphere } from '../../lib/index.js'
import { createSignedIn, type SignedIn, type SignInAs } from '../../lib/testing/signed-in.js'

interface Node {
  identsphere: IdentSphere
}

const built = ({ identsphere }: Node) => identsphere as BuiltIdentSphere

/** Every route that the app's router was made from. Matrices over them cannot forget a new one. */
export function routesOf(app: Node): readonly Route[] {
  return built(app).routes
}

/** Lets the worker do what is due. */
export function runJobs(app: Node): Promise<unknown> {
  return built(app).worker.drain()
}

/** The mailbox of development; null with a mailer. */
export function mailboxOf(app: Node): Mailbox | null {
  return built(app).mailbox
}

export function storeOf(app: Node): Store {
  return built(app).store
}

/** Signs a person in as `identsphere/testing` does. @returns also the `Set-Cookie` lines of the browser */
export async function signInByServices(app: Node, as: SignInAs): Promise<SignedIn & { setCookies: string[] }> {
  await app.identsphere.ready()
  const { store, serviceOf, assembly } = built(app)
  const { cookies } = assembly.foundation
  const setCookies: string[] = []
  const serialize: typeof cookies.serialize = (change) => {
    const line = cookies.serialize(change)
    setCookies.push(line)
    return line
  }
  const signedIn = createSignedIn(
    {
      store,
      users: serviceOf(users),
      organizations: serviceOf(organizations),
      registration: serviceOf(registration),
      signIn: serviceOf(signIn),
      cookies: { ...cookies, serialize },
    },
    'required',
  )
  return { ...(await signedIn(as)), setCookies }
}
