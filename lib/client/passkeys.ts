import type { Transport } from './transport.js'
import type { Passkey, Reauthenticated, Reauthentication, SignInSuccess, SteppedUp } from './types.js'

/** Passkey ceremonies. If the browser or the user refuses, they reject with an error of `@simplewebauthn/browser`. */
export interface Passkeys {
  /** Whether this browser supports passkeys. */
  isSupported(): boolean
  /** Creates a passkey. The first factor of an account needs `reauthenticate({ …, purpose: 'passkey_registration' })` before. */
  register(input?: { label?: string }): Promise<Passkey>
  /** Signs in with a passkey of the browser's choice, or of the account of `email`. */
  signIn(input?: { email?: string }): Promise<SignInSuccess>
  /**
   * Offers passkeys in the autofill of a field with `autocomplete="username webauthn"`. Resolves after the user has chosen one.
   * Resolves with null if the browser does not support it, or if another ceremony has begun.
   */
  autofill(): Promise<SignInSuccess | null>
  list(): Promise<Passkey[]>
  rename(id: string, label: string): Promise<Passkey>
  remove(id: string): Promise<void>
  /** Steps up this session. */
  verify(): Promise<SteppedUp>
  /** Completes a sign-in that was answered with `mfa_required`. */
  challenge(mfaToken: string): Promise<SignInSuccess>
  /** Reauthenticates the user, like `client.reauthenticate()`. */
  reauthenticate(input?: Pick<Reauthentication, 'purpose'>): Promise<Reauthenticated>
}

interface Ceremony {
  options: never
  flow_token?: string
}

const library = () => import('./ceremonies.js')
const aborted = 'ERROR_CEREMONY_ABORTED'

export function createPasskeys(transport: Transport, isSupported: boolean): Passkeys {
  const { call, callSignIn } = transport
  const begin = (path: string, body?: object) => call<Ceremony>('POST', path, body)

  async function assertion({ options: optionsJSON, flow_token }: Ceremony, useBrowserAutofill = false) {
    const { startAuthentication } = await library()
    const response = await startAuthentication({ optionsJSON, useBrowserAutofill })
    return { response, ...(flow_token === undefined ? {} : { flow_token }) }
  }

  async function signIn(ceremony: Ceremony, useBrowserAutofill?: boolean): Promise<SignInSuccess> {
    const answer = { ...(await assertion(ceremony, useBrowserAutofill)), ...(await transport.deviceToken()) }
    return callSignIn('/v1/auth/passkey/login/complete', answer)
  }

  return {
    isSupported: () => isSupported,
    async register({ label } = {}) {
      const { options: optionsJSON } = await begin('/v1/users/me/passkeys/register/begin')
      const { startRegistration } = await library()
      const response = await startRegistration({ optionsJSON })
      const body = { response, ...(label === undefined ? {} : { label }) }
      return (await call<{ passkey: Passkey }>('POST', '/v1/users/me/passkeys/register/complete', body)).passkey
    },
    signIn: async (input = {}) =>
      signIn(await begin('/v1/auth/passkey/login/begin', { ...input, ...transport.delivery })),
    async autofill() {
      const { browserSupportsWebAuthnAutofill } = await library()
      if (!isSupported || !(await browserSupportsWebAuthnAutofill())) return null
      try {
        return await signIn(await begin('/v1/auth/passkey/login/begin', transport.delivery), true)
      } catch (error) {
        if (Object(error).code === aborted) return null
        throw error
      }
    },
    async list() {
      return (await call<{ passkeys: Passkey[] }>('GET', '/v1/users/me/passkeys')).passkeys
    },
    rename: (id, label) => call('PATCH', `/v1/users/me/passkeys/${encodeURIComponent(id)}`, { label }),
    remove: (id) => call('DELETE', `/v1/users/me/passkeys/${encodeURIComponent(id)}`),
    async verify() {
      const { response } = await assertion(await begin('/v1/auth/mfa/verify/passkey/begin'))
      return call('POST', '/v1/auth/mfa/verify/passkey/complete', { response })
    },
    async challenge(mfaToken) {
      const body = { mfa_token: mfaToken }
      const answer = await assertion(
        await begin('/v1/auth/mfa/challenge/passkey/begin', { ...body, ...transport.delivery }),
      )
      const device = await transport.deviceToken()
      return callSignIn('/v1/auth/mfa/challenge/passkey/complete', { ...body, ...answer, ...device })
    },
    async reauthenticate(input = {}) {
      const { response: passkey } = await assertion(await begin('/v1/auth/mfa/verify/passkey/begin'))
      const body = { passkey, ...input }
      return call('POST', '/v1/auth/reauthenticate', body, { stepUp: false })
    },
  }
}
