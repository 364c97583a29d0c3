/** The used part of the passkey library. It is loaded at the first ceremony. */
export { browserSupportsWebAuthnAutofill, startAuthentication, startRegistration } from '@simplewebauthn/browser'
