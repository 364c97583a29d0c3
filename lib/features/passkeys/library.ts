import type { AssertionResponse, RegistrationResponse } from './webauthn-response.js'

/** A credential in the options for a browser. */
export interface CredentialDescriptor {
  id: string
  transports: readonly string[]
}

/** Options of `navigator.credentials.create()`, as JSON (WebAuthn level 3 section 5.1.9). */
export type CreationOptions = { readonly challenge: string } & Readonly<Record<string, unknown>>

/** Options of `navigator.credentials.get()`, as JSON. */
export type RequestOptions = { readonly challenge: string } & Readonly<Record<string, unknown>>

interface Expected {
  expectedType: string
  expectedChallenge: string
  expectedOrigin: string
  expectedRPID: string
  requireUserVerification: true
}

/** The used part of `@simplewebauthn/server`. Its own types need DOM types, which hosts may not have. */
export interface WebAuthnLibrary {
  generateRegistrationOptions(options: {
    rpID: string
    rpName: string
    challenge: Uint8Array
    userID: Uint8Array
    userName: string
    userDisplayName: string
    attestationType: 'none'
    authenticatorSelection: { residentKey: 'preferred'; userVerification: 'required' }
    supportedAlgorithmIDs: readonly number[]
    excludeCredentials: readonly CredentialDescriptor[]
    timeout: number
  }): Promise<CreationOptions>
  generateAuthenticationOptions(options: {
    rpID: string
    challenge: Uint8Array
    userVerification: 'required'
    timeout: number
    allowCredentials?: readonly CredentialDescriptor[]
  }): Promise<RequestOptions>
  verifyRegistrationResponse(
    options: Expected & {
      response: RegistrationResponse & { clientExtensionResults: object }
      supportedAlgorithmIDs: readonly number[]
    },
  ): Promise<
    | { verified: false }
    | {
        verified: true
        registrationInfo: {
          aaguid: string
          credential: { id: string; publicKey: Uint8Array; counter: number }
          credentialDeviceType: 'singleDevice' | 'multiDevice'
          credentialBackedUp: boolean
        }
      }
  >
  verifyAuthenticationResponse(
    options: Expected & {
      response: AssertionResponse & { clientExtensionResults: object }
      credential: { id: string; publicKey: Uint8Array; counter: number }
    },
  ): Promise<{
    verified: boolean
    authenticationInfo: {
      newCounter: number
      credentialDeviceType: 'singleDevice' | 'multiDevice'
      credentialBackedUp: boolean
    }
  }>
  decodeAttestationObject(bytes: Uint8Array): Map<string, unknown>
  isoCBOR: { encode(value: Map<string, unknown>): Uint8Array }
}

/** Loads the library at the first use, because it takes 200 ms. */
export async function loadLibrary(): Promise<WebAuthnLibrary> {
  const server = await import('@simplewebauthn/server' as string)
  const helpers = await import('@simplewebauthn/server/helpers' as string)
  return { ...helpers, ...server }
}
