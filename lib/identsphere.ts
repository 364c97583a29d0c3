import type { IncomingMessage } from 'node:http'
import type { Auth } from './core/auth.js'
import { type Clock, systemClock } from './core/config/clock.js'
import { loadConfig } from './core/config/config.js'
import { ConfigurationError } from './core/config/configuration-error.js'
import type { IdentSphereOptions } from './core/config/options.js'
import { createKeyRing } from './core/crypto/key-ring.js'
import { type CookieJar, createCookieJar } from './core/http/cookies.js'
import { createCors } from './core/http/cors.js'
import { createCsrfTokens } from './core/http/csrf.js'
import type { GuardOptions, GuardParts } from './core/http/guard.js'
import { createMountCheck } from './core/http/mount.js'
import { createForeignOrigin, longestReturnTarget } from './core/http/origin.js'
import { perRequest } from './core/http/per-request.js'
import { createResponder } from './core/http/respond.js'
import type { Route } from './core/http/route.js'
import { createRouter, type Middleware } from './core/http/router.js'
import { createWorker, type Worker } from './core/jobs/worker.js'
import { createJournal } from './core/journal/journal.js'
import { journalPersonalData } from './core/journal/personal-data.js'
import { journalSweeps } from './core/journal/sweeps.js'
import { createMailJob } from './core/mail/job.js'
import { createLinks } from './core/mail/links.js'
import type { Mailbox } from './core/mail/mailbox.js'
import { createOutbox, mailDelay } from './core/mail/outbox.js'
import { mailSweeps } from './core/mail/sweeps.js'
import { openDatabase } from './core/store/database.js'
import { translateError } from './core/store/database-errors.js'
import { createHostCalls } from './core/store/host-calls.js'
import { migrateDatabase } from './core/store/migrate.js'
import { createReadiness } from './core/store/readiness.js'
import { Store } from './core/store/store.js'
import { budgetSweeps } from './core/store/sweeps.js'
import { createAddressChange } from './features/email/address-change.js'
import { createChallenges } from './features/email/challenges.js'
import { createCodeMails } from './features/email/code-mails.js'
import { createLinkMails } from './features/email/link-mails.js'
import { createNotices } from './features/email/notices.js'
import { emailPersonalData } from './features/email/personal-data.js'
import { createCodeReauthentication } from './features/email/reauthentication.js'
import { emailRoutes } from './features/email/routes.js'
import { createEmailSignIn } from './features/email/sign-in.js'
import { emailSweeps } from './features/email/sweeps.js'
import { createMailboxProof } from './features/email/takeover.js'
import { createUndo } from './features/email/undo.js'
import { createVerification } from './features/email/verification.js'
import { healthRoutes } from './features/health/routes.js'
import { createHealth } from './features/health/service.js'
import { createFactorChanges } from './features/mfa/factor-changes.js'
import { requireRecentMfa } from './features/mfa/guards/require-recent-mfa.js'
import { createFactorChangeRule } from './features/mfa/rules/factor-change.js'
import {
  assertMfaWhereRequired,
  assertOwnAccount,
  assertRecentAuth,
  assertRecentMfa,
} from './features/mfa/rules/recency.js'
import { createStepUp } from './features/mfa/step-up.js'
import { organizationsApi } from './features/organizations/api.js'
import { requirePermission } from './features/organizations/guards/require-permission.js'
import { requireRole } from './features/organizations/guards/require-role.js'
import { organizationPersonalData } from './features/organizations/personal-data.js'
import { createRoleMatrix } from './features/organizations/roles.js'
import { createOrganizations, type Organizations } from './features/organizations/service.js'
import { clientRoutes, pageRoutes } from './features/pages/routes.js'
import { createCeremonies } from './features/passkeys/ceremonies.js'
import { passkeyPersonalData } from './features/passkeys/personal-data.js'
import { relatedOriginRoutes } from './features/passkeys/related-origins.js'
import { passkeyRoutes } from './features/passkeys/routes.js'
import { passkeyFactor } from './features/passkeys/second-factor.js'
import { createPasskeys } from './features/passkeys/service.js'
import { passkeySweeps } from './features/passkeys/sweeps.js'
import { createPasswordHasher } from './features/passwords/hasher.js'
import { createHashingQueue } from './features/passwords/hashing-queue.js'
import { createPasswordPolicy } from './features/passwords/password-policy.js'
import { passwordRoutes, recoveryRoutes } from './features/passwords/routes.js'
import { createPasswords } from './features/passwords/service.js'
import { createPersonalDataRights } from './features/personal-data/service.js'
import { requirePlatformAdmin } from './features/platform/guards/require-platform-admin.js'
import { createRecovery } from './features/recovery/service.js'
import { createRegistration, type Registrations } from './features/registration/service.js'
import { sessionsApi } from './features/sessions/api.js'
import { createAuthenticate } from './features/sessions/authenticate.js'
import { createSessionCheck } from './features/sessions/check.js'
import { optionalAuth } from './features/sessions/guards/optional-auth.js'
import { requireAuth } from './features/sessions/guards/require-auth.js'
import { requireRecentAuth } from './features/sessions/guards/require-recent-auth.js'
import { createTokenIssuer } from './features/sessions/issue.js'
import { createLastSeen } from './features/sessions/last-seen.js'
import { sessionPersonalData } from './features/sessions/personal-data.js'
import { createRefresh } from './features/sessions/refresh.js'
import { sessionRoutes } from './features/sessions/routes.js'
import { createSessions } from './features/sessions/service.js'
import { sessionSweeps } from './features/sessions/sweeps.js'
import { createMfaChallenges } from './features/sign-in/challenges.js'
import { createCompletion } from './features/sign-in/completion.js'
import { createDeviceCookies } from './features/sign-in/device-cookie.js'
import { signInRoutes } from './features/sign-in/routes.js'
import { createSignIn, type SignIn } from './features/sign-in/service.js'
import { createAccessTokens } from './features/tokens/access-tokens.js'
import { revokeKey } from './features/tokens/revoked-keys.js'
import { tokenRoutes } from './features/tokens/routes.js'
import { createMfaBudget } from './features/totp/budget.js'
import { mfaPersonalData } from './features/totp/personal-data.js'
import { createRecoveryCodes } from './features/totp/recovery-codes.js'
import { mfaRoutes } from './features/totp/routes.js'
import { totpFactor } from './features/totp/second-factor.js'
import { createMfa } from './features/totp/service.js'
import { mfaSweeps } from './features/totp/sweeps.js'
import { trustedBrowserPersonalData } from './features/trusted-browsers/personal-data.js'
import { trustedBrowserRoutes } from './features/trusted-browsers/routes.js'
import { createTrustedBrowsers } from './features/trusted-browsers/service.js'
import { trustedBrowserSweeps } from './features/trusted-browsers/sweeps.js'
import { createTrustTokens } from './features/trusted-browsers/token.js'
import { usersApi } from './features/users/api.js'
import { accountRoutes } from './features/users/routes.js'
import { type Accounts, createAccounts } from './features/users/service.js'
import type { Api, IdentSphere } from './instance.js'

/** {@link IdentSphere} with what it was made from, for what derives from that. @internal */
export interface BuiltIdentSphere extends IdentSphere {
  readonly routes: readonly Route[]
  readonly rooms: {
    readonly store: Store
    readonly accounts: Accounts
    readonly organizations: Organizations
    readonly registration: Registrations
    readonly signIn: SignIn
    readonly cookies: CookieJar
    readonly worker: Worker
    /** What would have been sent, where nothing is configured that sends. */
    readonly mailbox: Mailbox | null
  }
}

/**
 * Makes an IdentSphere from options and the environment. Synchronous: opens nothing before `ready()` or the first request.
 *
 * @throws ConfigurationError that names the setting at fault and the fix
 * @example
 * ```ts
 * const identsphere = createIdentSphere({ publicBaseUrl: 'https://app.example.com' })
 * app.use(identsphere.router())
 * app.get('/reports', identsphere.requireRole('admin'), (req, res) => res.json(identsphere.auth(req).organizationId))
 * ```
 */
export function createIdentSphere(options: IdentSphereOptions = {}): IdentSphere {
  const { routes, rooms, ...identsphere } = buildIdentSphere(options, { environment: process.env, clock: systemClock })
  return identsphere
}

/** {@link createIdentSphere} with environment and clock handed in. The only place that knows every room. @internal */
export function buildIdentSphere(
  options: IdentSphereOptions,
  parts: { environment: NodeJS.ProcessEnv; clock: Clock },
): BuiltIdentSphere {
  const { clock } = parts
  const config = loadConfig(options, parts.environment)
  const { logger, schema } = config

  const keys = createKeyRing(config.secrets)
  const database = openDatabase(config.database, logger)
  const store = new Store(database, schema, clock)
  const readiness = createReadiness({ store, schemaName: schema, keys, logger })
  const { mailer } = config
  const canMail = mailer !== null
  const outbox = createOutbox({ keys, enabled: canMail, wake: () => worker.wake('mail') })
  const links = createLinks(config)
  const notify = createNotices({
    outbox,
    links,
    recipient: (tx, userId) => accounts.recipient(tx, userId),
    mayMail: (tx, email) => challenges.mayMail(tx, email),
    offerUndo: (tx, to) => undo.offer(tx, to),
  })
  const journal = createJournal({ keys, hooks: config.hooks, notify, logger })
  const { isOwnOrigin } = config
  const foreignOrigin = createForeignOrigin(config)

  const cookies = createCookieJar({ mountPath: config.mountPath, ...config.cookies })
  const csrf = createCsrfTokens(keys)
  const responder = createResponder({ cookies, logger, translate: translateError })

  const accessTokens = createAccessTokens({
    keys: config.signingKeys,
    issuer: config.issuer,
    audience: config.audience,
    clock,
  })
  const issuer = createTokenIssuer({ accessTokens, csrf, config })
  const check = createSessionCheck({ database, clock, config })
  const lastSeen = createLastSeen(store, logger)
  const sessions = createSessions({
    store,
    journal,
    check,
    csrf,
    moveSecurityVersion: (tx, userId) => accounts.moveSecurityVersion(tx, userId),
    removePending: (tx, userId) => signIn.removePending(tx, userId),
    carryTrust: (tx, sessionId, from) => trustedBrowsers.carry(tx, sessionId, from),
    config,
  })
  const refresh = createRefresh({ store, journal, keys, csrf, issuer, config })

  const matrix = createRoleMatrix(config.rbac)
  const { permissionsOf } = matrix
  const organizations = createOrganizations()
  const accounts = createAccounts({ store, journal })
  const queue = createHashingQueue()
  const hasher = createPasswordHasher({
    queue,
    ...(config.passwords.argon2 === undefined ? {} : { argon2: config.passwords.argon2 }),
  })
  const policy = createPasswordPolicy(config.passwords)
  const devices = createDeviceCookies(keys)
  const passwords = createPasswords({ store, clock, keys, journal, accounts, sessions, hasher, policy, devices })
  const mfaChallenges = createMfaChallenges({ store, keys })
  const secondFactors = [totpFactor, passkeyFactor]
  const signIn = createSignIn({
    store,
    journal,
    sessions,
    organizations,
    issuer,
    permissionsOf,
    secondFactors,
    beginChallenge: mfaChallenges.begin,
    recogniseBrowser: (tx, proven) => trustedBrowsers.recognise(tx, proven),
    config,
  })
  const { enrolledMethods } = signIn
  const completion = createCompletion({ store, journal, challenges: mfaChallenges, signIn })
  const stepUp = createStepUp({ journal, sessions, issuer })
  const factorChanges = createFactorChanges({ accounts, sessions, signIn })
  const ceremonies = createCeremonies({ ...config.passkeys, isOwnOrigin }, logger)
  const passkeys = createPasskeys({ store, keys, journal, accounts, sessions, factorChanges, ceremonies })
  const mfa = createMfa({
    store,
    clock,
    keys,
    journal,
    accounts,
    passwords,
    sessions,
    signIn,
    challenges: mfaChallenges,
    completion,
    budget: createMfaBudget({ store, notify }),
    factorChanges,
    recoveryCodes: createRecoveryCodes(keys),
    stepUp,
    config,
  })
  const trustedBrowsers = createTrustedBrowsers({
    store,
    journal,
    tokens: createTrustTokens(keys),
    assertRecentMfa: (auth, seconds) => assertRecentMfa(auth, seconds, enrolledMethods),
  })
  const challenges = createChallenges({ store, keys })
  const mailLink = createLinkMails({ challenges, outbox, links })
  const mailCode = createCodeMails({ challenges, outbox })
  const mailing = {
    store,
    journal,
    accounts,
    passwords,
    sessions,
    challenges,
    outbox,
    links,
    mailLink,
    mailCode,
    signIn,
  }
  const proveMailbox = createMailboxProof({ accounts, sessions, organizations, challenges, signIn, journal })
  const verification = createVerification(mailing)
  const registration = createRegistration({ ...mailing, organizations, verification, config })
  const recovery = createRecovery({ ...mailing, proveMailbox })
  const emailSignIn = createEmailSignIn({ ...mailing, proveMailbox })
  const undo = createUndo(mailing)
  const addressChange = createAddressChange({ ...mailing, undo })
  const codeReauthentication = createCodeReauthentication(mailing)
  const freshProofs = {
    password: passwords.proveBySession,
    code: canMail ? codeReauthentication.prove : null,
    passkey: passkeys.proveAgain,
  }

  const personalData = createPersonalDataRights({
    store,
    journal,
    rooms: [
      organizationPersonalData,
      sessionPersonalData,
      passkeyPersonalData,
      mfaPersonalData,
      emailPersonalData,
      trustedBrowserPersonalData,
      journalPersonalData(keys),
    ],
  })
  const requests = {
    verification: verification.answer,
    registration: registration.answer,
    passwordReset: recovery.answer,
    code: emailSignIn.answerCode,
    signInLink: emailSignIn.answerLink,
    addressChange: addressChange.answer,
  }
  const mailJobs =
    mailer === null
      ? []
      : [createMailJob({ store, clock, keys, ...mailer, requests, domain: config.publicBaseUrl.hostname, logger })]
  const worker: Worker = createWorker(
    [
      ...mailJobs,
      ...sessionSweeps(store, config),
      ...budgetSweeps(store),
      ...journalSweeps(store),
      ...mailSweeps(store),
      ...emailSweeps(store),
      ...mfaSweeps(store),
      ...passkeySweeps(store),
      ...trustedBrowserSweeps(store),
    ],
    logger,
  )
  const health = createHealth({ store, queue, mailDelay: canMail ? () => mailDelay(store) : null })
  const mfaWhereRequired = (auth: Auth) => assertMfaWhereRequired(auth, enrolledMethods)
  const { authenticate, recheck, identify } = createAuthenticate({
    accessTokens,
    check,
    cookies,
    csrf,
    lastSeen,
    isOwnOrigin,
    foreignOrigin,
    permissionsOf,
    mfaRequiredFor: config.mfa.requiredFor,
    assertMfaWhereRequired: mfaWhereRequired,
    ready,
  })

  const routesOf = {
    accounts: accountRoutes({ accounts, passwords, registration, signIn, personalData, config }),
    signIn: signInRoutes({ store, journal, passwords, sessions, signIn, issuer, freshProofs }),
    sessions: sessionRoutes({ sessions, refresh, issuer, accessTokens, csrf, permissionsOf, config }),
    passwords: [...passwordRoutes({ passwords }), ...(canMail ? recoveryRoutes({ recovery, passwords, signIn }) : [])],
    passkeys: [
      ...passkeyRoutes({ store, passkeys, passwords, sessions, issuer, signIn, mfaChallenges, completion, stepUp }),
      ...relatedOriginRoutes(config.passkeys.relatedOrigins),
    ],
    mfa: mfaRoutes({ mfa, stepUp, sessions, issuer, signIn, passwords }),
    email: canMail
      ? emailRoutes({ ...mailing, verification, emailSignIn, addressChange, undo, codeReauthentication, registration })
      : [],
    trustedBrowsers: trustedBrowserRoutes({ trustedBrowsers }),
    tokens: tokenRoutes({ store, keys: config.signingKeys }),
    pages: [...clientRoutes(), ...(canMail ? pageRoutes({ config, mailbox: mailer.mailbox }) : [])],
    health: healthRoutes({ health }),
  }
  const plumbing = {
    cookies,
    responder,
    cors: createCors(isOwnOrigin),
    isOwnOrigin,
    foreignOrigin,
    ready,
    authenticate: identify,
    assertMfaWhereRequired: mfaWhereRequired,
    assertRecentAuth,
    assertOwnAccount: (auth: Auth) => assertOwnAccount(auth, enrolledMethods),
    assertMayChangeFactors: createFactorChangeRule({ enrolledMethods, sessions, needsVerifiedAddress: canMail }),
    checkMount: createMountCheck(config.mountPath, logger),
  }
  const routes = Object.values(routesOf).flat()
  const routers = Object.fromEntries(
    Object.entries(routesOf).map(([room, some]) => [room, () => createRouter(some, plumbing)]),
  ) as Record<keyof typeof routesOf, () => Middleware>

  const calls = createHostCalls({ store, ready })
  const api: Api = {
    users: usersApi({
      calls,
      journal,
      sessions,
      moveSecurityVersion: accounts.moveSecurityVersion,
      removeSecondFactors: signIn.removeSecondFactors,
      canVerify: hasher.canVerify,
    }),
    sessions: sessionsApi({
      calls,
      sessions,
      moveSecurityVersion: accounts.moveSecurityVersion,
      removePending: signIn.removePending,
    }),
    organizations: organizationsApi({ calls, journal, organizations, userExists: accounts.exists }),
  }

  const established = perRequest<Auth | null>()
  const guardParts: GuardParts = {
    authenticate,
    responder,
    remember(request, auth) {
      established.set(request, auth)
      if (auth !== null) request.identsphere = auth
    },
    signInLocation(returnTo) {
      const resume = `${config.mountPath}/v1/auth/resume`
      return returnTo.length > longestReturnTarget
        ? resume
        : `${resume}?${new URLSearchParams({ return_to: returnTo })}`
    },
  }
  function auth(request: IncomingMessage): Auth {
    const found = established.get(request)
    if (found === undefined || found === null) {
      throw new Error('identsphere.auth(req): no guard let a signed-in person through to this handler')
    }
    return found
  }

  let started = false
  let closing: Promise<void> | undefined

  async function ready(): Promise<void> {
    await readiness.ready()
    if (started || closing !== undefined) return
    started = true
    if (config.worker === 'in-process') worker.start()
  }

  async function shutDown(): Promise<void> {
    await worker.close()
    await mailer?.transport.close()
    await queue.close()
    await lastSeen.close()
    await database.close()
  }

  return {
    routes,
    rooms: { store, accounts, organizations, registration, signIn, cookies, worker, mailbox: mailer?.mailbox ?? null },
    router: () => createRouter(routes, plumbing),
    routers,

    requireAuth: (guard) => requireAuth(guardParts, guard),
    optionalAuth: (guard) => optionalAuth(guardParts, guard),
    requireRole(...given) {
      const { names, guard } = namesAndOptions(given, matrix.assertRole)
      return requireRole(guardParts, names, guard)
    },
    requirePermission(...given) {
      const { names, guard } = namesAndOptions(given, matrix.assertPermission)
      return requirePermission(guardParts, names, guard)
    },
    requireRecentAuth: (guard) => requireRecentAuth(guardParts, guard),
    requireRecentMfa: (guard) => requireRecentMfa(guardParts, enrolledMethods, guard),
    requirePlatformAdmin: (guard) => requirePlatformAdmin(guardParts, enrolledMethods, guard),

    authenticate,
    recheck,
    auth,
    authOrNull(request) {
      const found = established.get(request)
      if (found === undefined) throw new Error('identsphere.authOrNull(req): no guard ran before this handler')
      return found
    },
    csrfToken: (request) => csrf.issue(auth(request).sessionId),

    api,

    async migrate() {
      await migrateDatabase(database.knex, { schema })
    },
    ready,
    async startWorker() {
      if (config.worker === 'external' && mailer?.mailbox != null) {
        throw new ConfigurationError(
          'SMTP_URL',
          'is missing, and without it mail stays in the memory of this process, where no page shows it',
          'Set it, or leave `worker` out while you develop: the application then does the work itself.',
        )
      }
      await ready()
      worker.start({ keepAlive: true })
    },
    health,
    close() {
      closing ??= shutDown()
      return closing
    },
    async revokeSigningKey(kid) {
      await ready()
      await revokeKey({ store, journal }, kid)
    },
  }
}

/** Splits `requireRole('admin', 'member', { onDenied })`. A guard without names would be no rule at all. */
function namesAndOptions(
  given: ReadonlyArray<string | GuardOptions>,
  assertName: (name: unknown) => void,
): { names: string[]; guard: GuardOptions } {
  const last = given.at(-1)
  const guard = typeof last === 'object' && last !== null && !Array.isArray(last) ? last : {}
  const names = guard === last ? given.slice(0, -1) : given
  for (const name of names.length === 0 ? [undefined] : names) assertName(name)
  return { names: names as string[], guard }
}
