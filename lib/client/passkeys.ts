import type { Transport } from './transport.js'
import type { Passkey, Reauthenticated, Reauthentication, SignInSuccess, SteppedUp } from './types.js'

/** Ceremonies with the browser's authenticators. What those refuse rejects with an error of `@simplewebauthn/browser`'s. */
export interface Passkeys {
  /** Whether this browser knows passkeys. */
  isSupported(): boolean
  /** Makes one. The first factor of an account needs `reauthenticate({ …, purpose: 'passkey_registration' })` before. */
  register(input?: { label?: string }): Promise<Passkey>
  /** Signs in with one of this browser's, or with one of the account of `email`. */
  signIn(input?: { email?: string }): Promise<SignInSuccess>
  /**
   * Offers passkeys among what the browser fills into a field with `autocomplete="username webauthn"`. Resolves when one was
   * chosen; to null where the browser has no such offer, or another ceremony has begun.
   */
  autofill(): Promise<SignInSuccess | null>
  list(): Promise<Passkey[]>
  rename(id: string, label: string): Promise<Passkey>
  remove(id: string): Promise<void>
  /** Step-up of this session. */
  verify(): Promise<SteppedUp>
  /** The second factor of a sign-in that was answered with `mfa_required`. */
  challenge(mfaToken: string): Promise<SignInSuccess>
  /** Proves again who is there, as `client.reauthenticate()` does. */
  reauthenticate(input?: Pick<Reauthentication, 'purpose'>): Promise<Reauthenticated>
}

interface Ceremony {
  options: never
  flow_token?: string
}

const library = () => import('./ceremonies.js')
const aborted = 'ERROR_CEREMONY_ABORTED'

export function createPasskeys(transport: Transport, isSupported: boolean): Passkeys {
  const { call, enter } = transport
  const begin = (path: string, body?: object) => call<Ceremony>('POST', path, body)

  async function assertion({ options: optionsJSON, flow_token }: Ceremony, useBrowserAutofill = false) {
    const { startAuthentication } = await library()
    const response = await startAuthentication({ optionsJSON, useBrowserAutofill })
    return { response, ...(flow_token === undefined ? {} : { flow_token }) }
  }

  async function signIn(ceremony: Ceremony, useBrowserAutofill?: boolean): Promise<SignInSuccess> {
    const answer = { ...(await assertion(ceremony, useBrowserAutofill)), ...(await transport.deviceToken()) }
    return enter('/v1/auth/passkey/login/complete', answer)
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
      return enter('/v1/auth/mfa/challenge/passkey/complete', { ...body, ...answer, ...device })
    },
    async reauthenticate(input = {}) {
      const { response: passkey } = await assertion(await begin('/v1/auth/mfa/verify/passkey/begin'))
      const body = { passkey, ...input }
      return call('POST', '/v1/auth/reauthenticate', body, { stepUp: false })
    },
  }
}
