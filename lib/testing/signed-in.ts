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

/** Options of `signedIn()`. */
export interface SignInAs {
  /** An existing address signs in that user. Default: a new address. */
  email?: string
  /** Name of a new user. Default: none. */
  displayName?: string | null
  /** Parsed `registration.fields` of a new user, for `hooks.beforeRegister`. */
  fields?: Readonly<Record<string, unknown>>
  /** The user becomes a member of this organization. Default: the user's own one, or a new one for a new user. Null is refused. */
  organizationId?: string | null
  /**
   * Role in the organization. Default: the current role, or for a new member `member` with `organizationId` and else `owner`. If the
   * role is not `owner`, a new organization gets another user as owner.
   */
  role?: Role
  /** A second factor in this session: `true` for now, or its age in seconds. Default: none. */
  mfa?: boolean | number
  /** Whether the address is verified. Default: unchanged, and false for a new user. */
  emailVerified?: boolean
  /** Makes the user a platform admin. `requirePlatformAdmin` also needs `mfa`. */
  platformAdmin?: boolean
}

/** A signed-in user with headers for requests. */
export interface SignedIn {
  user: { userId: string; email: string; displayName: string | null }
  /** Active organization of the session. */
  organizationId: string | null
  role: Role | null
  sessionId: string
  /** Value of the `Cookie` header. */
  cookies: string
  csrfToken: string
  /** Headers of a browser: cookies and CSRF token. For fetch, supertest's `set()` or `inject()`. */
  headers: Record<string, string>
  /** Access token and headers of a native client in the same session. */
  bearer: { accessToken: string; headers: Record<string, string> }
}

interface Services {
  store: Store
  users: Users
  organizations: Organizations
  registration: Registration
  signIn: SignIn
  cookies: CookieJar
}

/** Signs users in like the routes, but without a password. It uses the same services, hooks and audit rows. */
export function createSignedIn(services: Services, organizationOnRegistration: 'required' | 'personal' | 'none') {
  const { store, users, organizations, registration, signIn, cookies } = services

  /** Returns the user with this address, or creates one. */
  async function userFor(tx: Tx, as: Checked, email: string) {
    const existing = await users.credentialsByEmail(tx, email)
    if (existing !== undefined) {
      const organizationId = await organizationOfExisting(tx, existing.id, as)
      return { userId: existing.id, organizationId, securityVersion: existing.security_version }
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

  async function organizationOfExisting(tx: Tx, userId: string, { organizationId, role }: Checked) {
    const target = organizationId ?? (await defaultOrganization(tx, userId))
    if (target === null) return role === undefined ? null : createOrganization(tx, userId, role)
    await organizations.ensureMember(tx, target, userId, role)
    return target
  }

  async function organizationOfNew(tx: Tx, userId: string, { organizationId, role }: Checked) {
    if (organizationId !== undefined) {
      await organizations.ensureMember(tx, organizationId, userId, role)
      return organizationId
    }
    if (role === undefined && organizationOnRegistration === 'none') return null
    return createOrganization(tx, userId, role ?? 'owner')
  }

  async function defaultOrganization(tx: Tx, userId: string): Promise<string | null> {
    const { first } = await sendTogether(tx, { first: [organizations.defaultFor(tx, userId)] })
    return first[0] ?? null
  }

  /** An organization needs an owner. If the user has another role, it also creates an owner. */
  async function createOrganization(tx: Tx, userId: string, role: Role): Promise<string> {
    if (role === 'owner') {
      const slug = `test-${randomOctets(6).toString('hex')}` // unique, so that parallel transactions do not wait for each other
      return organizations.create(tx, { name: 'Test Organization', slug, ownerId: userId })
    }
    const { organizationId } = await userFor(tx, { role: 'owner' }, freshAddress())
    if (organizationId === null) throw new Error('the owner has no organization')
    await organizations.ensureMember(tx, organizationId, userId, role)
    return organizationId
  }

  return async function signedIn(as: SignInAs = {}): Promise<SignedIn> {
    assertValid(as)
    const mfaAgeSeconds = as.mfa === true ? 0 : as.mfa === false ? undefined : as.mfa
    const email = as.email?.trim().toLowerCase() ?? freshAddress()
    const signInOnce = () =>
      store.transaction(async (tx) => {
        const user = await userFor(tx, as, email)
        await setFlags(tx, user.userId, as)
        return signIn.completeFirstFactor(tx, {
          ...user,
          authMethod: 'password',
          amr: mfaAgeSeconds === undefined ? ['pwd'] : ['pwd', 'otp', 'mfa'],
          ...(mfaAgeSeconds === undefined ? {} : { mfaAgeSeconds }),
          context: noRequest(),
        })
      })
    const result = await signInOnce().catch((error: unknown) => {
      // Another call has created this account at the same time.
      if (error instanceof IdentSphereError && error.code === 'conflict') return signInOnce()
      throw error
    })
    if (result.kind === 'challenge') {
      throw new Error(`signedIn(): ${email} has a second factor. Pass \`mfa: true\`, or sign in with the routes.`)
    }
    const browser = signIn.issueTokens(result, 'cookie')
    const native = signIn.issueTokens(result, 'body')
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

/** Sets facts that no route can set. */
async function setFlags(tx: Tx, userId: string, { emailVerified, platformAdmin }: SignInAs): Promise<void> {
  if (emailVerified !== undefined) {
    await tx.sql`
      UPDATE ${tx.table('users')} SET email_verified_at = CASE WHEN ${emailVerified} THEN ${tx.now} END WHERE id = ${userId}`
  }
  if (platformAdmin === true) {
    await tx.sql`
      INSERT INTO ${tx.table('platform_admins')} (user_id, created_at) VALUES (${userId}, ${tx.now}) ON CONFLICT DO NOTHING`
  }
}

const knownOptions = [
  'email',
  'displayName',
  'fields',
  'organizationId',
  'role',
  'mfa',
  'emailVerified',
  'platformAdmin',
]

type Checked = SignInAs & { organizationId?: string }

/** With a misspelled option or a missing organization, a test would not test what it seems to. */
function assertValid(as: SignInAs): asserts as is Checked {
  const unknown = Object.keys(as).find((key) => !knownOptions.includes(key))
  if (unknown !== undefined) throw new TypeError(`signedIn() has no option ${unknown}`)
  if (as.organizationId === null) throw new TypeError('signedIn(): organizationId must not be null')
  if (typeof as.mfa === 'number' && !(as.mfa >= 0 && Number.isFinite(as.mfa))) {
    throw new RangeError('signedIn(): mfa must be true, false or an age in seconds')
  }
}
