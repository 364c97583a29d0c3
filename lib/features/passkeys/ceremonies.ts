import type { Logger } from '../../core/config/logger.js'
import { IdentSphereError } from '../../core/errors.js'
import { challengeSeconds } from './challenges.js'
import { type CreationOptions, type CredentialDescriptor, loadLibrary, type RequestOptions } from './library.js'
import { assertBackupEligibility } from './rules/backup-eligibility.js'
import { readClientData } from './rules/client-data.js'
import { assertOwnOrigin } from './rules/own-origin.js'
import { Refusal } from './rules/refusal.js'
import { assertTopLevel } from './rules/top-level.js'
import { withoutAttestation } from './rules/unattested.js'
import { assertUserHandle, userHandleOf } from './rules/user-handle.js'
import type { AssertionResponse, RegistrationResponse } from './webauthn-response.js'

/** The relying party: whose passkeys these are. */
export interface RelyingParty {
  readonly rpId: string
  readonly rpName: string
  readonly isOwnOrigin: (origin: string) => boolean
}

/** What an authenticator made. */
export interface MadeCredential {
  id: string
  publicKey: Uint8Array
  signCount: number
  aaguid: string
  backupEligible: boolean
  backedUp: boolean
}

/** What an assertion is checked against. */
export interface StoredCredential {
  userId: string
  credentialId: string
  publicKey: Uint8Array
  backupEligible: boolean
}

/** What an authenticator said, with a signature that was right. The counter has to be compared where it is kept. */
export interface Assertion {
  signCount: number
  backedUp: boolean
}

/** EdDSA, ES256 and RS256 (IANA COSE Algorithms). */
const algorithms = [-8, -7, -257]
const timeout = challengeSeconds * 1000

/**
 * The two ceremonies of WebAuthn level 3, sections 7.1 and 7.2, each as a list of checks. The library, which does the
 * cryptography, takes a fifth of a second to load, so it is loaded with the first passkey.
 */
export function createCeremonies(party: RelyingParty, logger: Logger) {
  const { rpId, rpName, isOwnOrigin } = party

  /** One answer for every cause; which it was is for the log. */
  async function refusing<T>(verify: () => Promise<T>): Promise<T> {
    try {
      return await verify()
    } catch (error) {
      if (error instanceof IdentSphereError) throw error
      logger.debug({ err: error }, 'the response of an authenticator was refused')
      throw new IdentSphereError('invalid_credentials')
    }
  }

  return {
    /** @param made passkeys that the user has, which the same authenticator is not to replace */
    async creationOptions(
      challenge: Uint8Array,
      user: { userId: string; email: string; displayName: string | null },
      made: readonly CredentialDescriptor[],
    ): Promise<CreationOptions> {
      const { generateRegistrationOptions } = await loadLibrary()
      return generateRegistrationOptions({
        rpID: rpId,
        rpName,
        challenge: new Uint8Array(challenge),
        userID: new Uint8Array(userHandleOf(user.userId)),
        userName: user.email,
        userDisplayName: user.displayName ?? user.email,
        attestationType: 'none',
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
        supportedAlgorithmIDs: algorithms,
        excludeCredentials: made,
        timeout,
      })
    },

    /** @param allowed undefined where the person chooses among the passkeys that the browser finds */
    async requestOptions(challenge: Uint8Array, allowed?: readonly CredentialDescriptor[]): Promise<RequestOptions> {
      const { generateAuthenticationOptions } = await loadLibrary()
      return generateAuthenticationOptions({
        rpID: rpId,
        challenge: new Uint8Array(challenge),
        userVerification: 'required',
        timeout,
        ...(allowed === undefined ? {} : { allowCredentials: allowed }),
      })
    },

    /** The challenge that a response answers, not yet known to be one of ours. @throws IdentSphereError `invalid_credentials` */
    challengeOf: ({ response }: { response: { clientDataJSON: string } }): Promise<string> =>
      refusing(async () => readClientData(response.clientDataJSON).challenge),

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    verifyRegistration: (response: RegistrationResponse, challenge: string): Promise<MadeCredential> =>
      refusing(async () => {
        const clientData = readClientData(response.response.clientDataJSON)
        assertOwnOrigin(clientData, isOwnOrigin)
        assertTopLevel(clientData)
        const library = await loadLibrary()
        const attestationObject = withoutAttestation(response.response.attestationObject, library)
        const result = await library.verifyRegistrationResponse({
          response: {
            ...response,
            response: { ...response.response, attestationObject },
            clientExtensionResults: {},
          },
          expectedType: 'webauthn.create',
          expectedChallenge: challenge,
          expectedOrigin: clientData.origin,
          expectedRPID: rpId,
          requireUserVerification: true,
          supportedAlgorithmIDs: algorithms,
        })
        if (!result.verified) throw new Refusal('the registration does not verify')
        const { credential, aaguid, credentialDeviceType, credentialBackedUp } = result.registrationInfo
        if (credential.id !== response.id) throw new Refusal('the response names another credential than it holds')
        return {
          id: credential.id,
          publicKey: credential.publicKey,
          signCount: credential.counter,
          aaguid,
          backupEligible: credentialDeviceType === 'multiDevice',
          backedUp: credentialBackedUp,
        }
      }),

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    verifyAssertion: (response: AssertionResponse, challenge: string, stored: StoredCredential): Promise<Assertion> =>
      refusing(async () => {
        if (response.id !== stored.credentialId) throw new Refusal('the response names another credential')
        const clientData = readClientData(response.response.clientDataJSON)
        assertOwnOrigin(clientData, isOwnOrigin)
        assertTopLevel(clientData)
        assertUserHandle(response.response.userHandle, stored.userId)
        const { verifyAuthenticationResponse } = await loadLibrary()
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response: { ...response, clientExtensionResults: {} },
          expectedType: 'webauthn.get',
          expectedChallenge: challenge,
          expectedOrigin: clientData.origin,
          expectedRPID: rpId,
          requireUserVerification: true,
          // 0 keeps the library from comparing it: that is done by the statement that moves it on.
          credential: { id: stored.credentialId, publicKey: new Uint8Array(stored.publicKey), counter: 0 },
        })
        if (!verified) throw new Refusal('the signature does not verify')
        assertBackupEligibility(stored.backupEligible, authenticationInfo.credentialDeviceType === 'multiDevice')
        return { signCount: authenticationInfo.newCounter, backedUp: authenticationInfo.credentialBackedUp }
      }),
  }
}

export type Ceremonies = ReturnType<typeof createCeremonies>
