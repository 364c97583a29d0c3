export { type Client, createClient } from './client.js'
export { type ClientErrorCode, IdentSphereClientError, type StepUpError } from './error.js'
export type { Passkeys } from './passkeys.js'
export type { Change, ClientOptions, StoredTokens, TokenStore } from './transport.js'
export type {
  CurrentSession,
  IssuedTokens,
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
  Registration,
  SessionDescription,
  SessionEntry,
  SignInAnswer,
  SignInSuccess,
  SteppedUp,
  TrustedBrowser,
  VerificationRequired,
  Verified,
} from './types.js'
