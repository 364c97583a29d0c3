export type { Auth, Role, SessionAuth } from './core/auth.js'
export { ConfigurationError } from './core/config/configuration-error.js'
export type { Logger } from './core/config/logger.js'
export type {
  ClaimsUser,
  EventFacts,
  FieldsSchema,
  Hooks,
  HookTransaction,
  IdentSphereOptions,
  RegistrationInput,
} from './core/config/options.js'
export { type ErrorCode, errorCatalogue, IdentSphereError, type IdentSphereErrorOptions } from './core/errors.js'
export type { GuardOptions, OnDenied } from './core/http/guard.js'
export type { HeadersLike, IdentitySource, RequestLike } from './core/http/identity-source.js'
export type { Middleware } from './core/http/router.js'
export type { MailContent, MailMessage, MailRecipient } from './core/mail/message.js'
export type { HostCallOptions } from './core/store/host-calls.js'
export type { Health } from './features/health/service.js'
export type { RecentMfaOptions } from './features/mfa/guards/require-recent-mfa.js'
export type { Member, Organization, OrganizationsApi } from './features/organizations/api.js'
export type { Session, SessionsApi } from './features/sessions/api.js'
export type { Authenticate, AuthenticateOptions, Recheck } from './features/sessions/authenticate.js'
export type { User, UserImport, UsersApi } from './features/users/api.js'
export { createIdentSphere } from './identsphere.js'
export type { Api, IdentSphere, RoomRouters } from './instance.js'
