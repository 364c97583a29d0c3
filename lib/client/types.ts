/** Answers of the server. */

/** New tokens: `csrf_token` with cookies, `access_token` and `refresh_token` with `tokenDelivery: 'body'`. */
export interface IssuedTokens {
  /** Seconds. */
  expires_in: number
  csrf_token?: string | undefined
  access_token?: string | undefined
  refresh_token?: string | undefined
}

/** The user, the session and the permissions. Times are ISO 8601. */
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

export interface SignInSuccess extends SessionDescription, IssuedTokens {
  status: 'success'
  device_token?: string | undefined
}

/** The sign-in needs a second factor: call `client.mfa.challenge()` or `client.passkeys.challenge()`. */
export interface MfaChallenge {
  status: 'mfa_required'
  mfa_token: string
  /** Seconds. */
  mfa_token_expires_in: number
  methods: string[]
}

export type SignInAnswer = SignInSuccess | MfaChallenge

/** With `registration.verification: 'first'`: the same answer for new and existing addresses. */
export interface VerificationRequired {
  status: 'verification_required'
}

export interface Verified {
  status: 'verified'
}

export interface Reauthenticated extends IssuedTokens {
  auth_time: string
}

/** A live session. */
export interface SessionEntry {
  id: string
  created_at: string
  last_seen_at: string
  expires_at: string
  ip_address: string | null
  user_agent: string | null
  auth_method: string
  /** True for the session of this request. */
  current: boolean
}

export interface MfaStatus {
  /** Whether sign-ins require a code. */
  enabled: boolean
  methods: string[]
  recovery_codes_left: number
}

/** A new enrollment. `client.mfa.enable()` confirms it. */
export interface MfaSetup {
  /** Base32, to type in instead of scanning the QR code. */
  secret: string
  otpauth_url: string
  /** PNG image, e.g. for `data:image/png;base64,…`. */
  qr_code_base64: string
}

export interface MfaEnabled extends IssuedTokens {
  enabled: true
  /** The codes are returned only once. */
  recovery_codes: string[]
}

/** `expires_in`: seconds until the second factor is no longer recent. */
export interface SteppedUp extends IssuedTokens {
  verified: true
  verified_at: string
}

export interface Passkey {
  id: string
  label: string | null
  /** Model of the authenticator, not verified. */
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
  /** True for the browser of this request. */
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
  /** Fields for the host's option `registration.fields`. */
  fields?: unknown
}

/** Absent fields are not changed. An empty text clears the field. */
export interface ProfilePatch {
  display_name?: string
  job_title?: string
  phone_number?: string
  bio?: string
  /** Replaces all preferences. */
  preferences?: Record<string, unknown>
}

export interface PasswordChange {
  current_password: string
  new_password: string
  /** Default true. */
  sign_out_other_sessions?: boolean
}

/** The password or a mailed code. The first enrollment of a factor needs its `purpose`. */
export type Reauthentication = ({ password: string } | { code: string }) & {
  purpose?: 'mfa_setup' | 'passkey_registration'
}
