const reasons = {
  requireRole: 'tokens do not contain the role',
  requirePermission: 'tokens do not contain permissions',
  requireRecentMfa: 'tokens do not contain the time of the second factor',
  requirePlatformAdmin: 'tokens do not show platform admins',
}

/**
 * Guards that need the database, for callers in JavaScript. Each one throws an error with the alternatives. A missing function
 * would tempt hosts to write the guard with claims of the token.
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
