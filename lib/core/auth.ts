/** Role of a member of an organization. */
export type Role = 'owner' | 'admin' | 'billing' | 'member' | 'viewer'

/**
 * A signed-in user. The session check reads all fields from the database for each request.
 *
 * @example
 * ```ts
 * app.get('/reports', identsphere.requireAuth(), (req, res) => {
 *   const { userId, organizationId, role } = identsphere.auth(req)
 * })
 * ```
 */
export interface SessionAuth {
  readonly kind: 'session'
  readonly userId: string
  readonly email: string
  readonly emailVerified: boolean
  readonly displayName: string | null
  /** Active organization of the session. Null if the session has none, or if the user is no longer a member of it. */
  readonly organizationId: string | null
  /** Role in the active organization. Null without an active organization. */
  readonly role: Role | null
  /** Permissions of the role. */
  readonly permissions: readonly string[]
  readonly sessionId: string
  /** How the user signed in, e.g. `password`. */
  readonly authMethod: string
  /** Authentication methods used (RFC 8176), e.g. `['pwd']`. */
  readonly amr: readonly string[]
  /** When the user last authenticated. Null if the access token is older than the last step-up. */
  readonly authTime: Date | null
  /** When the user last used a second factor. Null if never, or if the access token is older than the last step-up. */
  readonly mfaVerifiedAt: Date | null
  /**
   * True if the role or the organization requires a second factor and this session has used none. Guards and `authenticate()`
   * deny such a session, so the host always sees `false`. IdentSphere's own routes for enrolling a factor accept it.
   */
  readonly mfaMissing: boolean
  readonly isPlatformAdmin: boolean
  /** The platform admin who acts as this user, or null. */
  readonly impersonatorId: string | null
  /** When the session ends. It is never extended. */
  readonly sessionExpiresAt: Date
  /** Time of the check by the database's clock. Compare the times above with it, not with `Date.now()`. */
  readonly checkedAt: Date
  /** How the client sends the access token. Cookie sessions need a CSRF token for unsafe methods. */
  readonly delivery: 'cookie' | 'body'
}

/** The authenticated caller. A union by `kind`. */
export type Auth = SessionAuth
