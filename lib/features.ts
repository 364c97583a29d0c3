import type { EventHooks } from './core/config/hooks.js'
import type { CoreOptions } from './core/config/options.js'
import { email } from './features/email/feature.js'
import { type HealthMembers, health } from './features/health/feature.js'
import { mfa } from './features/mfa/feature.js'
import type { MfaGuards } from './features/mfa/guards.js'
import type { MfaOptions } from './features/mfa/options.js'
import type { OrganizationsApi } from './features/organizations/api.js'
import { organizations } from './features/organizations/feature.js'
import type { RoleGuards } from './features/organizations/guards.js'
import type { RoleOptions } from './features/organizations/options.js'
import { pages } from './features/pages/feature.js'
import { passkeys } from './features/passkeys/feature.js'
import type { PasskeyOptions } from './features/passkeys/options.js'
import { passwords } from './features/passwords/feature.js'
import type { PasswordOptions } from './features/passwords/options.js'
import { personalData } from './features/personal-data/feature.js'
import { platform } from './features/platform/feature.js'
import type { PlatformGuards } from './features/platform/guards.js'
import { recovery } from './features/recovery/feature.js'
import { registration } from './features/registration/feature.js'
import type { RegistrationHooks, RegistrationOptions } from './features/registration/options.js'
import type { SessionsApi } from './features/sessions/api.js'
import { type SessionMembers, sessions } from './features/sessions/feature.js'
import type { SessionGuards } from './features/sessions/guards.js'
import type { SessionOptions } from './features/sessions/options.js'
import { signIn } from './features/sign-in/feature.js'
import type { SignInHooks } from './features/sign-in/options.js'
import { type TokenMembers, tokens } from './features/tokens/feature.js'
import type { TokenOptions } from './features/tokens/options.js'
import { totp } from './features/totp/feature.js'
import type { TotpOptions } from './features/totp/options.js'
import { trustedBrowsers } from './features/trusted-browsers/feature.js'
import type { UsersApi } from './features/users/api.js'
import { users } from './features/users/feature.js'

/**
 * All features. The order is the layering: a feature may import only `core/` and features above it, types included.
 * @internal
 */
export const features = [
  tokens,
  users,
  organizations,
  sessions,
  signIn,
  mfa,
  platform,
  passwords,
  totp,
  passkeys,
  trustedBrowsers,
  email,
  recovery,
  registration,
  personalData,
  pages,
  health,
] as const

/**
 * All options of the host. A missing option is read from the environment, and else has the default that is named here. Unknown
 * keys are refused. Every refusal is a `ConfigurationError` that names the setting and the fix.
 */
export interface IdentSphereOptions
  extends CoreOptions,
    TokenOptions,
    RoleOptions,
    SessionOptions,
    PasswordOptions,
    PasskeyOptions,
    RegistrationOptions {
  mfa?: MfaOptions & TotpOptions
  /** [below](#hooks). Default: none. */
  hooks?: Hooks
}

/**
 * Hooks of two kinds. `before…` hooks run inside the transaction and can refuse by throwing. `on…` hooks run after the commit.
 * Their errors are logged and change nothing.
 */
export interface Hooks extends RegistrationHooks, SignInHooks, EventHooks {}

/** Guards for the host's own routes. */
export interface Guards extends SessionGuards, RoleGuards, MfaGuards, PlatformGuards {}

/** Calls for the host's own server code. Each call can run inside a transaction of the host. */
export interface Api {
  readonly users: UsersApi
  readonly sessions: SessionsApi
  readonly organizations: OrganizationsApi
}

/** Members that features add to the instance. */
export interface Members extends SessionMembers, TokenMembers, HealthMembers {}

/** Features with routes. Each has its own router, on the same paths as the full router. */
export type FeatureName =
  | 'tokens'
  | 'users'
  | 'sessions'
  | 'signIn'
  | 'passwords'
  | 'totp'
  | 'passkeys'
  | 'trustedBrowsers'
  | 'email'
  | 'recovery'
  | 'registration'
  | 'personalData'
  | 'pages'
  | 'health'
