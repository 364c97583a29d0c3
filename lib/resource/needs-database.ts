const reasons = {
  requireRole: 'a role is in no token',
  requirePermission: 'permissions are in no token',
  requireRecentMfa: 'the time of the second factor is in no token',
  requirePlatformAdmin: 'who is a platform admin is in no token',
}

/**
 * The guards that do not exist without the database, for callers in JavaScript: each throws and says what to do instead. A
 * guard that is merely missing would be `undefined is not a function`, and tempt to write one from the token's claims.
 */
export function guardsThatNeedTheDatabase(): Record<keyof typeof reasons, () => never> {
  const guards = Object.entries(reasons).map(([name, reason]) => [
    name,
    () => {
      throw new Error(
        `${name} does not exist in identsphere/resource: ${reason}. ` +
          'Ask GET /v1/auth/session of the issuer with the same access token, or guard the route with createIdentSphere() on its database.',
      )
    },
  ])
  return Object.fromEntries(guards)
}
