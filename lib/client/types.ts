/** Answers of the server, as they are on the wire. */

/** New tokens. `csrf_token` with cookies, the other two with `tokenDelivery: 'body'`, where the client keeps them. */
export interface IssuedTokens {
  /** Seconds. */
  expires_in: number
  csrf_token?: string | undefined
  access_token?: string | undefined
  refresh_token?: string | undefined
}

/** Who is signed in, how, and what they may do. Times are ISO 8601. */
export interface SessionDescription {
  user: {
    user_id: string
    email: string
    email_verified: boolean
    display_name: string | null
    organization_id: string | null
    is_platform_admin: boolean
    auth_method: string
    session_family_id: string
    mfa_verified_at: string | null
    scopes: string[]
    extensions: Record<string, never>
  }
  session: {
    id: string
    created_at: string
    expires_at: string
    auth_time: string
    amr: string[]
  }
  capabilities: { role: string | null; permissions: string[] }
}

export interface CurrentSession extends SessionDescription {
  csrf_token?: string | undefined
}

/** A session began. */
export interface SignInSuccess extends SessionDescription, IssuedTokens {
  status: 'success'
  device_token?: string | undefined
}

/** The first factor was right, and a second one is asked for: `client.mfa.challenge()` or `client.passkeys.challenge()`. */
export interface MfaChallenge {
  status: 'mfa_required'
  mfa_token: string
  /** Seconds. */
  mfa_token_expires_in: number
  methods: string[]
}

export type SignInAnswer = SignInSuccess | MfaChallenge

/** With `registration.verification: 'first'`, whether or not the address is taken. */
export interface VerificationRequired {
  status: 'verification_required'
}

export interface Verified {
  status: 'verified'
}

export interface Reauthenticated extends IssuedTokens {
  auth_time: string
}

/** One live session of the user. */
export interface SessionEntry {
  id: string
  created_at: string
  last_seen_at: string
  expires_at: string
  ip_address: string | null
  user_agent: string | null
  auth_method: string
  /** Whether it is the one that asks. */
  current: boolean
}

export interface MfaStatus {
  /** Whether sign-ins meet a challenge. */
  enabled: boolean
  methods: string[]
  recovery_codes_left: number
}

/** What an authenticator app needs. Pending until `client.mfa.enable()`. */
export interface MfaSetup {
  /** Base32, for who cannot scan. */
  secret: string
  otpauth_url: string
  /** A PNG: `data:image/png;base64,…` shows it. */
  qr_code_base64: string
}

export interface MfaEnabled extends IssuedTokens {
  enabled: true
  /** Shown this once. */
  recovery_codes: string[]
}

/** `expires_in`: seconds for which the step-up holds by default. */
export interface SteppedUp extends IssuedTokens {
  verified: true
  verified_at: string
}

export interface Passkey {
  id: string
  label: string | null
  /** Model of the authenticator, as it says itself. */
  aaguid: string
  transports: string[]
  backup_eligible: boolean
  backed_up: boolean
  created_at: string
  last_used_at: string | null
}

export interface TrustedBrowser {
  id: string
  label: string | null
  ip_address: string | null
  user_agent: string | null
  created_at: string
  last_used_at: string
  expires_at: string
  /** Whether it is the one that asks. */
  current: boolean
}

export interface Profile {
  user_id: string
  email: string
  email_verified: boolean
  display_name: string | null
  job_title: string | null
  phone_number: string | null
  bio: string | null
  preferences: Record<string, unknown>
  created_at: string
  updated_at: string
}

/** Bodies of requests. */

export interface Registration {
  email: string
  password: string
  display_name?: string
  organization_name?: string
  organization_slug?: string
  /** What the host's `registration.fields` asks for. */
  fields?: unknown
}

/** What is absent stays as it is; an empty text clears. */
export interface ProfilePatch {
  display_name?: string
  job_title?: string
  phone_number?: string
  bio?: string
  /** Replaced as a whole. */
  preferences?: Record<string, unknown>
}

export interface PasswordChange {
  current_password: string
  new_password: string
  /** Default true. */
  sign_out_other_sessions?: boolean
}

/** The password, or a mailed code. The first enrolment of a factor needs a proof that was made for it. */
export type Reauthentication = ({ password: string } | { code: string }) & {
  purpose?: 'mfa_setup' | 'passkey_registration'
}
