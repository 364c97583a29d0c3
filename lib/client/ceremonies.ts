/** What the client needs of the library, loaded with the first ceremony. */
export { browserSupportsWebAuthnAutofill, startAuthentication, startRegistration } from '@simplewebauthn/browser'
