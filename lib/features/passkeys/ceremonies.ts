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

/** The relying party of WebAuthn. */
export interface RelyingParty {
  readonly rpId: string
  readonly rpName: string
  readonly isOwnOrigin: (origin: string) => boolean
}

/** A new credential of an authenticator. */
export interface NewCredential {
  id: string
  publicKey: Uint8Array
  signCount: number
  aaguid: string
  backupEligible: boolean
  backedUp: boolean
}

/** The stored credential that verifies an assertion. */
export interface StoredCredential {
  userId: string
  credentialId: string
  publicKey: Uint8Array
  backupEligible: boolean
}

/** Facts of an assertion with a valid signature. The caller compares the counter with the stored one. */
export interface Assertion {
  signCount: number
  backedUp: boolean
}

/** EdDSA, ES256 and RS256 (IANA COSE Algorithms). */
const algorithms = [-8, -7, -257]
const timeoutMs = challengeSeconds * 1000

/**
 * The registration and authentication ceremonies (WebAuthn level 3 sections 7.1 and 7.2), each as a list of checks. The library
 * takes 200 ms to load, so it is loaded at the first use.
 */
export function createCeremonies(party: RelyingParty, logger: Logger) {
  const { rpId, rpName, isOwnOrigin } = party

  /** All causes have the same answer. The cause is logged. */
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
    /** @param existing passkeys of the user. Their authenticators must not register a second one. */
    async creationOptions(
      challenge: Uint8Array,
      user: { userId: string; email: string; displayName: string | null },
      existing: readonly CredentialDescriptor[],
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
        excludeCredentials: existing,
        timeout: timeoutMs,
      })
    },

    /** @param allowed undefined if the browser offers all passkeys that it finds */
    async requestOptions(challenge: Uint8Array, allowed?: readonly CredentialDescriptor[]): Promise<RequestOptions> {
      const { generateAuthenticationOptions } = await loadLibrary()
      return generateAuthenticationOptions({
        rpID: rpId,
        challenge: new Uint8Array(challenge),
        userVerification: 'required',
        timeout: timeoutMs,
        ...(allowed === undefined ? {} : { allowCredentials: allowed }),
      })
    },

    /** Reads the challenge of a response. It was not verified yet. @throws IdentSphereError `invalid_credentials` */
    challengeOf: ({ response }: { response: { clientDataJSON: string } }): Promise<string> =>
      refusing(async () => readClientData(response.clientDataJSON).challenge),

    /** @throws IdentSphereError `invalid_credentials` for every cause */
    verifyRegistration: (response: RegistrationResponse, challenge: string): Promise<NewCredential> =>
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
        if (!result.verified) throw new Refusal('the registration is not valid')
        const { credential, aaguid, credentialDeviceType, credentialBackedUp } = result.registrationInfo
        if (credential.id !== response.id) throw new Refusal('the id of the response is not that of the credential')
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
        if (response.id !== stored.credentialId) throw new Refusal('the response is from another credential')
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
          // With 0 the library does not compare the counter. The statement that updates it does.
          credential: { id: stored.credentialId, publicKey: new Uint8Array(stored.publicKey), counter: 0 },
        })
        if (!verified) throw new Refusal('the signature is not valid')
        assertBackupEligibility(stored.backupEligible, authenticationInfo.credentialDeviceType === 'multiDevice')
        return { signCount: authenticationInfo.newCounter, backedUp: authenticationInfo.credentialBackedUp }
      }),
  }
}

export type Ceremonies = ReturnType<typeof createCeremonies>
