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

/** The client. All calls reject with an {@link IdentSphereClientError} if they fail. */
export interface Client {
  /** Creates an account. If `registration.verification` is `later`, it also signs in. */
  signUp(registration: Registration): Promise<SignInAnswer | VerificationRequired>
  readonly signIn: {
    password(credentials: { email: string; password: string }): Promise<SignInAnswer>
  }
  /** Ends the session in all tabs. It also succeeds without a session. */
  signOut(): Promise<void>
  /** The current session, or null. If the cookies show that there is no session, no request is sent. */
  session(): Promise<CurrentSession | null>
  /** Reauthenticates the user. Routes that need recent authentication then work for 10 minutes. */
  reauthenticate(proof: Reauthentication): Promise<Reauthenticated>
  /** Mails the code for {@link reauthenticate}. */
  requestReauthenticationCode(): Promise<void>

  /** Second factors by an authenticator app, and recovery codes. */
  readonly mfa: {
    status(): Promise<MfaStatus>
    /** Starts an enrollment. The first factor of an account needs `reauthenticate({ …, purpose: 'mfa_setup' })` before. */
    setup(): Promise<MfaSetup>
    /** Confirms the enrollment with a code of the app. Returns the recovery codes. */
    enable(code: string): Promise<MfaEnabled>
    /** Needs a second factor in the last 30 minutes. Omit the password if the account has none. */
    disable(password?: string): Promise<void>
    /** Replaces all recovery codes. It needs the same as {@link disable}. */
    recoveryCodes(password?: string): Promise<string[]>
    /** Completes a sign-in that was answered with `mfa_required`. */
    challenge(input: { mfa_token: string } & ({ code: string } | { recovery_code: string })): Promise<SignInSuccess>
    /** Steps up this session. */
    verify(code: string): Promise<SteppedUp>
  }
  readonly passkeys: Passkeys
  /** Browsers in which sign-ins need no second factor. */
  readonly trustedBrowsers: {
    /** Trusts this browser, shortly after a second factor. `expires_in`: seconds. */
    add(input?: { label?: string }): Promise<{ id: string; expires_in: number }>
    list(): Promise<TrustedBrowser[]>
    revoke(id: string): Promise<void>
  }
  readonly sessions: {
    list(): Promise<SessionEntry[]>
    revoke(id: string): Promise<void>
    /** Ends all other sessions, pending sign-ins, and the trust in other browsers. */
    revokeOthers(): Promise<void>
  }
  readonly profile: {
    get(): Promise<Profile>
    update(patch: ProfilePatch): Promise<Profile>
    /** All data about the user. Needs recent authentication. */
    export(): Promise<Record<string, unknown>>
    /** Erases the account. Needs recent authentication. */
    erase(): Promise<void>
  }
  readonly password: {
    change(passwords: PasswordChange): Promise<void>
    /** Mails a link if the address has an account. */
    forgot(email: string): Promise<void>
    /** Sets a new password with the token of the link, and signs in. */
    reset(input: { token: string; new_password: string }): Promise<SignInAnswer>
  }
  readonly email: {
    requestVerification(): Promise<void>
    /** Verifies the address with the token of the mail. Without a session it needs the password: `reauthentication_required`. */
    verify(input: { token: string; password?: string }): Promise<Verified | SignInAnswer>
    /** Mails a link to the new address. Needs recent authentication. */
    change(email: string): Promise<void>
    /** Changes the address with the token of the mail. Without a session it needs the password: `reauthentication_required`. */
    confirmChange(input: { token: string; password?: string }): Promise<void>
    /** Reverts a changed address or a new factor with the token of the mail, and ends all sessions. */
    undo(token: string): Promise<void>
  }
  /** Sign-in with a mailed code. */
  readonly emailCode: {
    request(email: string): Promise<void>
    verify(input: { email: string; code: string }): Promise<SignInAnswer>
  }
  /** Sign-in with a mailed link. */
  readonly signInLink: {
    request(email: string): Promise<void>
    verify(token: string): Promise<SignInAnswer>
  }

  /**
   * `fetch` for the host's own API. Requests to the origin of `baseUrl` get the CSRF token or the access token. If the access token
   * has expired, it refreshes the session and sends the request again. If a guard requires a step-up, it calls `onStepUp` and sends
   * the request again. Requests to other origins get no credentials. It resolves with any answer. Your own header
   * `X-IdentSphere-CSRF` is kept.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** Calls the listener for sign-in and sign-out in this tab and all others. @returns a function that removes the listener */
  onChange(listener: (change: Change) => void): () => void
  /** Address that refreshes the session by navigation and then returns. For pages of another origin. */
  resumeUrl(returnTo: string): string
}

/**
 * Makes a client. It sends no request.
 *
 * @example
 * ```ts
 * const client = createClient()
 * const session = await client.session()
 * if (session === null) await client.signIn.password({ email, password })
 * const response = await client.fetch('/api/notes', { method: 'POST', body })
 * ```
 * @throws TypeError if `baseUrl` is missing outside a browser page
 */
export function createClient(options: ClientOptions = {}): Client {
  return buildClient(options, globalThis as unknown as Environment)
}

/** {@link createClient} with a given browser environment. @internal */
export function buildClient(options: ClientOptions, environment: Environment): Client {
  const transport = createTransport(options, environment)
  const { call, callSignIn } = transport

  return {
    signUp: (registration) => callSignIn('/v1/auth/register', registration),
    signIn: {
      async password(credentials) {
        const body = { ...credentials, ...(await transport.deviceToken()) }
        return callSignIn('/v1/auth/login', body)
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
        return callSignIn('/v1/auth/mfa/challenge', body)
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
      reset: (input) => callSignIn('/v1/auth/password/reset', input),
    },
    email: {
      requestVerification: () => call('POST', '/v1/auth/email/verify/request'),
      async verify(input) {
        const body = { ...input, ...(await transport.deviceToken()) }
        return callSignIn('/v1/auth/email/verify', body)
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
      verify: (input) => callSignIn('/v1/auth/email-otp/verify', input),
    },
    signInLink: {
      request: (email) => call('POST', '/v1/auth/magic-link/request', { email }),
      verify: (token) => callSignIn('/v1/auth/magic-link/verify', { token }),
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
