/** The client against the routes that the server declares: every call, and the shape of every answer. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { z } from 'zod'
import type {
  Client,
  CurrentSession,
  MfaChallenge,
  MfaEnabled,
  MfaSetup,
  MfaStatus,
  Passkey,
  PasswordChange,
  Profile,
  ProfilePatch,
  Reauthenticated,
  Reauthentication,
  SessionEntry,
  SignInSuccess,
  SteppedUp,
  TrustedBrowser,
  VerificationRequired,
  Verified,
} from '../../lib/client/index.js'
import { createClient } from '../../lib/client/index.js'
import type { verified } from '../../lib/features/email/schemas.js'
import type { steppedUp } from '../../lib/features/mfa/schemas.js'
import type { passkeyPurpose } from '../../lib/features/passkeys/routes.js'
import type { passkey } from '../../lib/features/passkeys/schemas.js'
import type { changeBody } from '../../lib/features/passwords/schemas.js'
import type { registrationKept } from '../../lib/features/registration/schemas.js'
import type { currentSession, sessionList } from '../../lib/features/sessions/schemas.js'
import type { mfaChallenge, reauthenticated, signInSuccess } from '../../lib/features/sign-in/schemas.js'
import type { totpPurpose } from '../../lib/features/totp/routes.js'
import type { mfaEnabled, mfaSetup, mfaStatus } from '../../lib/features/totp/schemas.js'
import type { browserList } from '../../lib/features/trusted-browsers/schemas.js'
import type { profile, profilePatch } from '../../lib/features/users/schemas.js'
import { buildIdentSphere } from '../../lib/identsphere.js'
import { columnsOf, tableUnder } from '../package/markdown.js'
import { testClock } from '../support/clock.js'

type Same<A, B> = [A, B] extends [B, A] ? true : false
/** Treats a field that may be `undefined` like one that may be absent. In JSON they are the same. */
type Wire<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Compiles only if the client's types match those of the routes. */
const shapes: [
  Same<CurrentSession, z.output<typeof currentSession>>,
  Same<SignInSuccess, z.output<typeof signInSuccess>>,
  Same<MfaChallenge, z.output<typeof mfaChallenge>>,
  Same<VerificationRequired, z.output<typeof registrationKept>>,
  Same<Verified, z.output<typeof verified>>,
  Same<Reauthenticated, z.output<typeof reauthenticated>>,
  Same<MfaStatus, z.output<typeof mfaStatus>>,
  Same<MfaSetup, z.output<typeof mfaSetup>>,
  Same<MfaEnabled, z.output<typeof mfaEnabled>>,
  Same<SteppedUp, z.output<typeof steppedUp>>,
  Same<TrustedBrowser[], z.output<typeof browserList>['trusted_browsers']>,
  Same<Passkey, z.output<typeof passkey>>,
  Same<SessionEntry[], z.output<typeof sessionList>['sessions']>,
  Same<Profile, z.output<typeof profile>>,
  Same<Wire<ProfilePatch>, Wire<z.input<typeof profilePatch>>>,
  Same<Wire<PasswordChange>, Wire<z.input<typeof changeBody>>>,
  Same<NonNullable<Reauthentication['purpose']>, typeof totpPurpose | typeof passkeyPurpose>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true]

const id = '00000000-0000-4000-8000-000000000000'
const secret = { email: 'ada@example.com', password: 'correct-horse-battery-7' }

/** Each route with the call that sends it. */
const calls: Record<string, (client: Client) => Promise<unknown>> = {
  'POST /v1/auth/register': (client) => client.signUp(secret),
  'POST /v1/auth/login': (client) => client.signIn.password(secret),
  'POST /v1/auth/logout': (client) => client.signOut(),
  'GET /v1/auth/session': (client) => client.session(),
  'POST /v1/auth/reauthenticate': (client) => client.reauthenticate({ password: secret.password }),
  'POST /v1/auth/reauthenticate/code': (client) => client.requestReauthenticationCode(),
  'GET /v1/auth/mfa/status': (client) => client.mfa.status(),
  'POST /v1/auth/mfa/setup': (client) => client.mfa.setup(),
  'POST /v1/auth/mfa/enable': (client) => client.mfa.enable('123456'),
  'POST /v1/auth/mfa/disable': (client) => client.mfa.disable(secret.password),
  'POST /v1/auth/mfa/recovery-codes': (client) => client.mfa.recoveryCodes(),
  'POST /v1/auth/mfa/challenge': (client) => client.mfa.challenge({ mfa_token: 't', recovery_code: 'r' }),
  'POST /v1/auth/mfa/verify': (client) => client.mfa.verify('123456'),
  'POST /v1/users/me/passkeys/register/begin': (client) => client.passkeys.register(),
  'POST /v1/auth/passkey/login/begin': (client) => client.passkeys.signIn({ email: secret.email }),
  'POST /v1/auth/mfa/challenge/passkey/begin': (client) => client.passkeys.challenge('t'),
  'POST /v1/auth/mfa/verify/passkey/begin': (client) => client.passkeys.verify(),
  'GET /v1/users/me/passkeys': (client) => client.passkeys.list(),
  'PATCH /v1/users/me/passkeys/:id': (client) => client.passkeys.rename(id, 'Laptop'),
  'DELETE /v1/users/me/passkeys/:id': (client) => client.passkeys.remove(id),
  'POST /v1/auth/trusted-browsers': (client) => client.trustedBrowsers.add({ label: 'Laptop' }),
  'GET /v1/auth/trusted-browsers': (client) => client.trustedBrowsers.list(),
  'DELETE /v1/auth/trusted-browsers/:id': (client) => client.trustedBrowsers.revoke(id),
  'GET /v1/users/me/sessions': (client) => client.sessions.list(),
  'DELETE /v1/users/me/sessions/:id': (client) => client.sessions.revoke(id),
  'DELETE /v1/users/me/sessions': (client) => client.sessions.revokeOthers(),
  'GET /v1/users/me': (client) => client.profile.get(),
  'PATCH /v1/users/me': (client) => client.profile.update({ bio: '' }),
  'GET /v1/users/me/export': (client) => client.profile.export(),
  'DELETE /v1/users/me': (client) => client.profile.erase(),
  'POST /v1/users/me/password': (client) => client.password.change({ current_password: 'a', new_password: 'b' }),
  'POST /v1/auth/password/forgot': (client) => client.password.forgot(secret.email),
  'POST /v1/auth/password/reset': (client) => client.password.reset({ token: 't', new_password: 'b' }),
  'POST /v1/auth/email/verify/request': (client) => client.email.requestVerification(),
  'POST /v1/auth/email/verify': (client) => client.email.verify({ token: 't' }),
  'POST /v1/users/me/email': (client) => client.email.change(secret.email),
  'POST /v1/auth/email/confirm': (client) => client.email.confirmChange({ token: 't' }),
  'POST /v1/auth/email/undo': (client) => client.email.undo('t'),
  'POST /v1/auth/email-otp/request': (client) => client.emailCode.request(secret.email),
  'POST /v1/auth/email-otp/verify': (client) => client.emailCode.verify({ email: secret.email, code: '123456' }),
  'POST /v1/auth/magic-link/request': (client) => client.signInLink.request(secret.email),
  'POST /v1/auth/magic-link/verify': (client) => client.signInLink.verify('t'),
}

/** The method that a call uses, e.g. `passkeys.remove`. */
function methodOf(call: (client: Client) => unknown): string {
  let used = ''
  const recorder = (path: string): unknown =>
    new Proxy(() => {}, {
      get: (_target, name) => recorder(path === '' ? String(name) : `${path}.${String(name)}`),
      apply: () => {
        used = path
      },
    })
  call(recorder('') as Client)
  return used
}

/** The second half of a ceremony, sent after an authenticator has answered. The browser tests cover it. */
const completions = /\/passkey(s\/register|\/login|)\/complete$/

/** Routes without a call: pages for browsers, documents for other services, and what the client does by itself. */
const noCalls =
  /^GET (\/\.well-known\/|\/v1\/(pages|dev)\/|\/v1\/(health|client\.js|auth\/resume)$)|^POST \/v1\/auth\/refresh$/

/** The guide's table, by route. */
const guide = readFileSync(join(import.meta.dirname, '../../docs/client.md'), 'utf8')
const documented = new Map(
  columnsOf(tableUnder(guide, 'Calls')).map(([route = '', call = '']) => [
    route.replaceAll('`', ''),
    call.replace(/`|\(\)/g, ''),
  ]),
)

describe('the client', () => {
  const { routes } = buildIdentSphere(
    { database: 'postgres://127.0.0.1:1/unused' },
    {
      environment: { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: 'an-example-secret-of-enough-length' },
      clock: testClock(),
    },
  )
  const declared = routes
    .map(({ method, path }) => `${method} ${path}`)
    .filter((route) => !noCalls.test(route) && !completions.test(route))

  it('has a call for every route and no others', () => {
    assert.deepEqual(Object.keys(calls).sort(), declared.sort())
    assert.ok(shapes.every((same) => same))
  })

  it('sends each call to its route with a valid body', async () => {
    for (const [route, call] of Object.entries(calls)) {
      const sent: Request[] = []
      const client = createClient({
        baseUrl: 'https://app.example.com/identity/',
        async fetch(request) {
          sent.push(request as Request)
          return Response.json({})
        },
      })
      await call(client).catch((error) => {
        if (!route.endsWith('/begin')) throw error // there is no authenticator here
      })
      const [request] = sent
      assert.ok(request !== undefined && sent.length === 1, route)
      const { pathname, origin } = new URL(request.url)
      assert.equal(origin, 'https://app.example.com')
      assert.equal(`${request.method} ${pathname.replace('/identity', '').replace(id, ':id')}`, route)
      const declaration = routes.find(({ method, path }) => `${method} ${path}` === route)
      const text = await request.text()
      const body: unknown = text === '' ? {} : JSON.parse(text)
      const parsed = declaration?.input?.body?.safeParse(body)
      // Made-up tokens are well-formed. `organization_name` depends on the host's options.
      const issues = parsed?.error?.issues.filter(({ path }) => path[0] !== 'organization_name') ?? []
      assert.deepEqual(issues, [], route)
      if (declaration?.input?.body === undefined) assert.equal(text, '', route)
    }
  })

  it('has exactly the calls of its guide', () => {
    const named = Object.entries(calls).map(([route, call]) => [route, methodOf(call)])
    assert.deepEqual([...documented].sort(), named.sort())

    const client = createClient({ baseUrl: 'https://app.example.com' })
    const all = Object.entries(client).flatMap(([name, value]) =>
      typeof value === 'object' ? Object.keys(value).map((method) => `${name}.${method}`) : [name],
    )
    const unnamed = all.filter((name) => ![...documented.values()].includes(name) && !guide.includes(`${name}(`))
    assert.deepEqual(unnamed, [])
  })

  it('puts every address below the mount path, for navigation too', () => {
    const client = createClient({ baseUrl: 'https://app.example.com/identity' })
    assert.equal(
      client.resumeUrl('https://app.example.com/a?b=c'),
      'https://app.example.com/identity/v1/auth/resume?return_to=https%3A%2F%2Fapp.example.com%2Fa%3Fb%3Dc',
    )
    assert.throws(() => createClient(), TypeError)
  })
})
