import type { Role } from '../core/auth.js'
import { noRequest } from '../core/context.js'
import { randomOctets } from '../core/crypto/random.js'
import { IdentSphereError } from '../core/errors.js'
import type { CookieJar } from '../core/http/cookies.js'
import type { Store, Tx } from '../core/store/store.js'
import { sendTogether } from '../core/store/together.js'
import type { Organizations } from '../features/organizations/service.js'
import type { Registration } from '../features/registration/service.js'
import type { SignIn } from '../features/sign-in/service.js'
import type { Users } from '../features/users/service.js'

/** Who is to be signed in, and as what. Everything may be left out. */
export interface SignInAs {
  /** Default: an address that nobody has. One that is known signs that user in again. */
  email?: string
  /** Of a new user. Default: none. */
  displayName?: string | null
  /** What `hooks.beforeRegister` gets for a new user, as `registration.fields` would parse it. */
  fields?: Readonly<Record<string, unknown>>
  /** An organisation to be a member of, e.g. somebody else's. Default: their own; for a new user a new one. Null is refused. */
  organizationId?: string | null
  /**
   * Role in it. Default: the one they have; for a new member `member` where `organizationId` is given, else `owner`. A new
   * organisation whose role is another one has a user of its own as owner.
   */
  role?: Role
  /** A second factor in this session: `true` for just now, or seconds ago. Default: none. */
  mfa?: boolean | number
  /** Whether the address counts as verified. Default: as it is; not for a new user. */
  emailVerified?: boolean
  /** Makes the user a platform admin. Their guard asks for `mfa` too. */
  platformAdmin?: boolean
}

/** Somebody who is signed in, with what their requests need. */
export interface SignedIn {
  user: { userId: string; email: string; displayName: string | null }
  /** The session's active organisation. */
  organizationId: string | null
  role: Role | null
  sessionId: string
  /** All cookies of the session, as the text of a `Cookie` header. */
  cookies: string
  csrfToken: string
  /** A browser's request, of any method: cookies and CSRF token. For fetch, supertest's `set()` or `inject()`. */
  headers: Record<string, string>
  /** A native client's request in the same session. */
  bearer: { accessToken: string; headers: Record<string, string> }
}

/** The services that a sign-in uses. */
interface Services {
  store: Store
  users: Users
  organizations: Organizations
  registration: Registration
  signIn: SignIn
  cookies: CookieJar
}

/** Signs users in as the routes do, without a password: same services, same hooks, same audit rows. */
export function createSignedIn(services: Services, organizationOnRegistration: 'required' | 'personal' | 'none') {
  const { store, users, organizations, registration, signIn, cookies } = services

  /** Makes an account, unless there is one. */
  async function userFor(tx: Tx, as: Checked, email: string) {
    const known = await users.credentialsByEmail(tx, email)
    if (known !== undefined) {
      const organizationId = await organizationOfKnown(tx, known.id, as)
      return { userId: known.id, organizationId, securityVersion: known.security_version }
    }
    const admitted = await registration.admit(
      tx,
      {
        email,
        displayName: as.displayName ?? null,
        passwordHash: null,
        fields: as.fields ?? {},
        organizationFor: (userId) => organizationOfNew(tx, userId, as),
      },
      noRequest(),
    )
    return { ...admitted, securityVersion: 1 }
  }

  async function organizationOfKnown(tx: Tx, userId: string, { organizationId, role }: Checked) {
    const wanted = organizationId ?? (await defaultOrganization(tx, userId))
    if (wanted === null) return role === undefined ? null : foundOrganization(tx, userId, role)
    await organizations.ensureMember(tx, wanted, userId, role)
    return wanted
  }

  async function organizationOfNew(tx: Tx, userId: string, { organizationId, role }: Checked) {
    if (organizationId !== undefined) {
      await organizations.ensureMember(tx, organizationId, userId, role)
      return organizationId
    }
    if (role === undefined && organizationOnRegistration === 'none') return null
    return foundOrganization(tx, userId, role ?? 'owner')
  }

  async function defaultOrganization(tx: Tx, userId: string): Promise<string | null> {
    const { first } = await sendTogether(tx, { first: [organizations.defaultFor(tx, userId)] })
    return first[0] ?? null
  }

  /** No organisation begins without an owner. */
  async function foundOrganization(tx: Tx, userId: string, role: Role): Promise<string> {
    if (role === 'owner') {
      const slug = `test-${randomOctets(6).toString('hex')}` // one of its own, so that nobody waits for another
      return organizations.create(tx, { name: 'Test Organisation', slug, ownerId: userId })
    }
    const { organizationId } = await userFor(tx, { role: 'owner' }, freshAddress())
    if (organizationId === null) throw new Error('an owner without an organisation')
    await organizations.ensureMember(tx, organizationId, userId, role)
    return organizationId
  }

  return async function signedIn(as: SignInAs = {}): Promise<SignedIn> {
    assertSensible(as)
    const mfaAgeSeconds = as.mfa === true ? 0 : as.mfa === false ? undefined : as.mfa
    const email = as.email?.trim().toLowerCase() ?? freshAddress()
    const signInOnce = () =>
      store.transaction(async (tx) => {
        const user = await userFor(tx, as, email)
        await setWhatNoRouteSets(tx, user.userId, as)
        return signIn.completeFirstFactor(tx, {
          ...user,
          authMethod: 'password',
          amr: mfaAgeSeconds === undefined ? ['pwd'] : ['pwd', 'otp', 'mfa'],
          ...(mfaAgeSeconds === undefined ? {} : { mfaAgeSeconds }),
          context: noRequest(),
        })
      })
    const result = await signInOnce().catch((error: unknown) => {
      // Somebody made this account at the same moment: now it is known.
      if (error instanceof IdentSphereError && error.code === 'conflict') return signInOnce()
      throw error
    })
    if (result.kind === 'challenge') {
      throw new Error(`signedIn(): ${email} has a second factor. Give \`mfa: true\`, or sign in by the routes.`)
    }
    const browser = await signIn.issueTokens(result, 'cookie')
    const native = await signIn.issueTokens(result, 'body')
    const { user, session, capabilities, csrf_token: csrfToken = '' } = browser.body
    const { access_token: accessToken = '' } = native.body
    const cookieHeader = browser.cookies.map((change) => cookies.serialize(change).split(';', 1)[0]).join('; ')
    return {
      user: { userId: user.user_id, email: user.email, displayName: user.display_name },
      organizationId: user.organization_id,
      role: capabilities.role as Role | null,
      sessionId: session.id,
      cookies: cookieHeader,
      csrfToken,
      headers: { cookie: cookieHeader, 'x-identsphere-csrf': csrfToken },
      bearer: { accessToken, headers: { authorization: `Bearer ${accessToken}` } },
    }
  }
}

function freshAddress(): string {
  return `user-${randomOctets(6).toString('hex')}@example.com`
}

async function setWhatNoRouteSets(tx: Tx, userId: string, { emailVerified, platformAdmin }: SignInAs): Promise<void> {
  if (emailVerified !== undefined) {
    await tx.sql`
      UPDATE ${tx.table('users')} SET email_verified_at = CASE WHEN ${emailVerified} THEN ${tx.now} END WHERE id = ${userId}`
  }
  if (platformAdmin === true) {
    await tx.sql`
      INSERT INTO ${tx.table('platform_admins')} (user_id, created_at) VALUES (${userId}, ${tx.now}) ON CONFLICT DO NOTHING`
  }
}

const known = ['email', 'displayName', 'fields', 'organizationId', 'role', 'mfa', 'emailVerified', 'platformAdmin']

type Checked = SignInAs & { organizationId?: string }

/** A misspelt option, or the organisation of somebody who has none, would test something else than it says. */
function assertSensible(as: SignInAs): asserts as is Checked {
  const unknown = Object.keys(as).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new TypeError(`signedIn() has no option ${unknown}`)
  if (as.organizationId === null) throw new TypeError('signedIn(): organizationId is null, so there is none to join')
  if (typeof as.mfa === 'number' && !(as.mfa >= 0 && Number.isFinite(as.mfa))) {
    throw new RangeError('signedIn(): mfa is true, false or seconds ago')
  }
}
