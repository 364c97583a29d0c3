export type { User, UserImport, UsersApi } from './accounts/api.js'
export { ConfigurationError } from './config/configuration-error.js'
export type { Logger } from './config/logger.js'
export type {
  ClaimsUser,
  EventFacts,
  FieldsSchema,
  Hooks,
  HookTransaction,
  IdentSphereOptions,
  RegistrationInput,
} from './config/options.js'
export type { GuardOptions, OnDenied } from './guards/guard.js'
export type { RecentMfaOptions } from './guards/require-recent-mfa.js'
export type { Health } from './health/service.js'
export type { Auth, Role, SessionAuth } from './http/auth.js'
export { type ErrorCode, errorCatalogue, IdentSphereError, type IdentSphereErrorOptions } from './http/errors.js'
export type { HeadersLike, IdentitySource, RequestLike } from './http/identity-source.js'
export type { Middleware } from './http/router.js'
export { createIdentSphere } from './identsphere.js'
export type { Api, IdentSphere, RoomRouters } from './instance.js'
export type { MailContent, MailMessage, MailRecipient } from './mail/message.js'
export type { Member, Organization, OrganizationsApi } from './organizations/api.js'
export type { Session, SessionsApi } from './sessions/api.js'
export type { Authenticate, AuthenticateOptions, Recheck } from './sessions/authenticate.js'
export type { HostCallOptions } from './store/host-calls.js'
