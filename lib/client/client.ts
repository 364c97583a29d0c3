import type { Environment } from './environment.js'
import { IdentSphereClientError } from './error.js'
import { createPasskeys, type Passkeys } from './passkeys.js'
import { type Change, type ClientOptions, createTransport } from './transport.js'
import type {
  CurrentSession,
  MfaEnabled,
  MfaSetup,
  MfaStatus,
  PasswordChange,
  Profile,
  ProfilePatch,
  Reauthenticated,
  Reauthentication,
  Registration,
  SessionEntry,
  SignInAnswer,
  SignInSuccess,
  SteppedUp,
  TrustedBrowser,
  VerificationRequired,
  Verified,
} from './types.js'

/** Every call of the HTTP contract. Each rejects with an {@link IdentSphereClientError} where it does not succeed. */
export interface Client {
  /** Makes an account, and signs in where `registration.verification` is `later`. */
  signUp(registration: Registration): Promise<SignInAnswer | VerificationRequired>
  readonly signIn: {
    password(credentials: { email: string; password: string }): Promise<SignInAnswer>
  }
  /** Ends the session here and in every tab. Succeeds without one too. */
  signOut(): Promise<void>
  /** Who is signed in, or null. Where the page can tell that nobody is, nothing is sent. */
  session(): Promise<CurrentSession | null>
  /** Proves again who is there: 10 minutes of what needs recent authentication. */
  reauthenticate(proof: Reauthentication): Promise<Reauthenticated>
  /** Mails the code for {@link reauthenticate}. */
  requestReauthenticationCode(): Promise<void>

  /** Second factors by an authenticator app, and recovery codes. */
  readonly mfa: {
    status(): Promise<MfaStatus>
    /** A new secret. The first factor of an account needs `reauthenticate({ …, purpose: 'mfa_setup' })` before. */
    setup(): Promise<MfaSetup>
    /** Turns it on with a code of the app, and gives the recovery codes. */
    enable(code: string): Promise<MfaEnabled>
    /** Without a password for accounts that have none. A second factor in the last 30 minutes. */
    disable(password?: string): Promise<void>
    /** New recovery codes; the old ones are void. As {@link disable}. */
    recoveryCodes(password?: string): Promise<string[]>
    /** The second factor of a sign-in that was answered with `mfa_required`. */
    challenge(input: { mfa_token: string } & ({ code: string } | { recovery_code: string })): Promise<SignInSuccess>
    /** Step-up of this session. */
    verify(code: string): Promise<SteppedUp>
  }
  readonly passkeys: Passkeys
  /** Browsers in which sign-ins ask for no second factor. */
  readonly trustedBrowsers: {
    /** Trusts this one, right after a second factor. `expires_in`: seconds. */
    add(input?: { label?: string }): Promise<{ id: string; expires_in: number }>
    list(): Promise<TrustedBrowser[]>
    revoke(id: string): Promise<void>
  }
  readonly sessions: {
    list(): Promise<SessionEntry[]>
    revoke(id: string): Promise<void>
    /** Leaves this session only: sign-ins on their way and the trust of other browsers end too. */
    revokeOthers(): Promise<void>
  }
  readonly profile: {
    get(): Promise<Profile>
    update(patch: ProfilePatch): Promise<Profile>
    /** Everything that is held about the user. Recent authentication. */
    export(): Promise<Record<string, unknown>>
    /** Erases the account. Recent authentication. */
    erase(): Promise<void>
  }
  readonly password: {
    change(passwords: PasswordChange): Promise<void>
    /** Mails a link, where the address has an account. */
    forgot(email: string): Promise<void>
    /** Takes the token out of that link, and signs in. */
    reset(input: { token: string; new_password: string }): Promise<SignInAnswer>
  }
  readonly email: {
    requestVerification(): Promise<void>
    /** With the token of the mail, and the password where nobody is signed in: `reauthentication_required` says so. */
    verify(input: { token: string; password?: string }): Promise<Verified | SignInAnswer>
    /** Mails a link to the new address. Recent authentication. */
    change(email: string): Promise<void>
    /** With the token of the mail, and the password where nobody is signed in: `reauthentication_required` says so. */
    confirmChange(input: { token: string; password?: string }): Promise<void>
    /** With the token of a mail about a changed address or a new factor: takes the change back, and ends every session. */
    undo(token: string): Promise<void>
  }
  /** Sign-in by a mailed code, in the browser that asked for it. */
  readonly emailCode: {
    request(email: string): Promise<void>
    verify(input: { email: string; code: string }): Promise<SignInAnswer>
  }
  /** Sign-in by a mailed link. */
  readonly signInLink: {
    request(email: string): Promise<void>
    verify(token: string): Promise<SignInAnswer>
  }

  /**
   * `fetch` for the host's own API. Requests to the origin of `baseUrl` carry the CSRF token or the access token, are sent again
   * after a refresh where the access token has expired, and after `onStepUp` where a guard asks for a fresh proof. Requests to
   * other origins carry nothing. Resolves to whatever the answer is. A `X-IdentSphere-CSRF` header of your own is left as it is.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** Tells of sign-in and sign-out in this tab and all others. @returns what ends it */
  onChange(listener: (change: Change) => void): () => void
  /** Address that renews the session by navigation and returns to this one, for pages of another origin after a load. */
  resumeUrl(returnTo: string): string
}

/**
 * Makes a client of one IdentSphere. Opens nothing and sends nothing.
 *
 * @example
 * ```ts
 * const client = createClient()
 * const session = await client.session()
 * if (session === null) await client.signIn.password({ email, password })
 * const response = await client.fetch('/api/notes', { method: 'POST', body })
 * ```
 * @throws TypeError outside a page without `baseUrl`
 */
export function createClient(options: ClientOptions = {}): Client {
  return buildClient(options, globalThis as unknown as Environment)
}

/** {@link createClient} with the browser handed in. @internal */
export function buildClient(options: ClientOptions, environment: Environment): Client {
  const transport = createTransport(options, environment)
  const { call, enter } = transport

  return {
    signUp: (registration) => enter('/v1/auth/register', registration),
    signIn: {
      async password(credentials) {
        const body = { ...credentials, ...(await transport.deviceToken()) }
        return enter('/v1/auth/login', body)
      },
    },
    signOut: transport.signOut,
    async session() {
      if (!(await transport.mayHaveSession())) return null
      try {
        return await call('GET', '/v1/auth/session')
      } catch (error) {
        if (error instanceof IdentSphereClientError && error.code === 'authentication_required') return null
        throw error
      }
    },
    reauthenticate: (proof) => call('POST', '/v1/auth/reauthenticate', proof, { stepUp: false }),
    requestReauthenticationCode: () => call('POST', '/v1/auth/reauthenticate/code'),

    mfa: {
      status: () => call('GET', '/v1/auth/mfa/status'),
      setup: () => call('POST', '/v1/auth/mfa/setup'),
      enable: (code) => call('POST', '/v1/auth/mfa/enable', { code }),
      disable: (password) => call('POST', '/v1/auth/mfa/disable', passwordBody(password)),
      async recoveryCodes(password) {
        const body = passwordBody(password)
        return (await call<{ recovery_codes: string[] }>('POST', '/v1/auth/mfa/recovery-codes', body)).recovery_codes
      },
      async challenge(input) {
        const body = { ...input, ...(await transport.deviceToken()) }
        return enter('/v1/auth/mfa/challenge', body)
      },
      verify: (code) => call('POST', '/v1/auth/mfa/verify', { code }),
    },
    passkeys: createPasskeys(transport, environment.PublicKeyCredential !== undefined),
    trustedBrowsers: {
      add: (input = {}) => call('POST', '/v1/auth/trusted-browsers', input),
      async list() {
        return (await call<{ trusted_browsers: TrustedBrowser[] }>('GET', '/v1/auth/trusted-browsers')).trusted_browsers
      },
      revoke: (id) => call('DELETE', `/v1/auth/trusted-browsers/${encodeURIComponent(id)}`),
    },
    sessions: {
      async list() {
        return (await call<{ sessions: SessionEntry[] }>('GET', '/v1/users/me/sessions')).sessions
      },
      revoke: (id) => call('DELETE', `/v1/users/me/sessions/${encodeURIComponent(id)}`),
      revokeOthers: () => call('DELETE', '/v1/users/me/sessions'),
    },
    profile: {
      get: () => call('GET', '/v1/users/me'),
      update: (patch) => call('PATCH', '/v1/users/me', patch),
      export: () => call('GET', '/v1/users/me/export'),
      async erase() {
        await call('DELETE', '/v1/users/me')
        await transport.forget('signed_out')
      },
    },
    password: {
      change: (passwords) => call('POST', '/v1/users/me/password', passwords),
      forgot: (email) => call('POST', '/v1/auth/password/forgot', { email }),
      reset: (input) => enter('/v1/auth/password/reset', input),
    },
    email: {
      requestVerification: () => call('POST', '/v1/auth/email/verify/request'),
      async verify(input) {
        const body = { ...input, ...(await transport.deviceToken()) }
        return enter('/v1/auth/email/verify', body)
      },
      change: (email) => call('POST', '/v1/users/me/email', { email }),
      async confirmChange(input) {
        const body = { ...input, ...(await transport.deviceToken()) }
        await call('POST', '/v1/auth/email/confirm', body, { stepUp: false })
      },
      undo: (token) => call('POST', '/v1/auth/email/undo', { token }),
    },
    emailCode: {
      request: (email) => call('POST', '/v1/auth/email-otp/request', { email }),
      verify: (input) => enter('/v1/auth/email-otp/verify', input),
    },
    signInLink: {
      request: (email) => call('POST', '/v1/auth/magic-link/request', { email }),
      verify: (token) => enter('/v1/auth/magic-link/verify', { token }),
    },

    fetch: transport.fetch,
    onChange: transport.onChange,
    resumeUrl: (returnTo) =>
      `${transport.base.href.replace(/\/$/, '')}/v1/auth/resume?${new URLSearchParams({ return_to: returnTo })}`,
  }
}

function passwordBody(password: string | undefined): object {
  return password === undefined ? {} : { password }
}
