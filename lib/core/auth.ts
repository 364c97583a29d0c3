/** Roles of a member of an organisation. */
export type Role = 'owner' | 'admin' | 'billing' | 'member' | 'viewer'

/**
 * A signed-in person: what the strict session check found for this request, straight from the database.
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
  /** The session's active organisation; null without one, and for who is no longer its member. */
  readonly organizationId: string | null
  /** Role in the active organisation; null without a membership row. */
  readonly role: Role | null
  /** What the role may do, from the RBAC matrix. */
  readonly permissions: readonly string[]
  readonly sessionId: string
  /** How the session began, e.g. `password`. */
  readonly authMethod: string
  /** Authentication methods used (RFC 8176), e.g. `['pwd']`. */
  readonly amr: readonly string[]
  /** When the user last proved who they are; null where the token is older than the last step-up. */
  readonly authTime: Date | null
  /** When a second factor was last shown; null where never, or where the token is older than the last step-up. */
  readonly mfaVerifiedAt: Date | null
  /**
   * The role or its organisation asks for a second factor, and this session has shown none: guards and `authenticate()` deny.
   * True only inside IdentSphere, whose routes for setting one up remain.
   */
  readonly mfaMissing: boolean
  readonly isPlatformAdmin: boolean
  /** The platform admin who acts as this user; null otherwise. */
  readonly impersonatorId: string | null
  /** End of the session, never extended. */
  readonly sessionExpiresAt: Date
  /** The database's clock at the time of the check; ages of the times above are measured against it. */
  readonly checkedAt: Date
  /** Where the access token came from. Cookie sessions need CSRF proof on unsafe methods. */
  readonly delivery: 'cookie' | 'body'
}

/** Who is asking. A union by `kind`. */
export type Auth = SessionAuth
