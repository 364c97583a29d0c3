import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { loadSettings } from '../../../lib/core/assemble.js'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import type { PasskeySettings } from '../../../lib/features/passkeys/options.js'
import type { PasswordSettings } from '../../../lib/features/passwords/options.js'
import type { RegistrationSettings } from '../../../lib/features/registration/options.js'
import type { SessionSettings } from '../../../lib/features/sessions/options.js'
import type { TokenSettings } from '../../../lib/features/tokens/options.js'
import { features, type IdentSphereOptions } from '../../../lib/features.js'
import { buildIdentSphere, createIdentSphere } from '../../../lib/identsphere.js'
import { testClock } from '../../support/clock.js'

const secret = 'kX9v2Lq8Zt4Rb7Nw1Yc6Hd3Jf5Mg0PsT'
const another = 'Qa5Ws8Ed2Rf6Tg9Yh1Uj4Ik7Ol3Pz0Xc'
const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

const options: IdentSphereOptions = {
  database: 'postgres://localhost/app',
  publicBaseUrl: 'https://app.example.com/identity',
  secrets: [{ version: 1, value: secret }],
  signingKeys: [{ privateKey }],
}
const production: NodeJS.ProcessEnv = { NODE_ENV: 'production' }
const test_: NodeJS.ProcessEnv = { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: secret }

/** The settings of the core, of tokens and of sessions in one object. Those of other features have their own names. */
function loadConfig(given: IdentSphereOptions, environment: NodeJS.ProcessEnv) {
  const { core, features: settings } = loadSettings(features, given, environment)
  const { tokens, sessions, passwords, passkeys, registration } = settings as {
    tokens: TokenSettings
    sessions: SessionSettings
    passwords: PasswordSettings
    passkeys: PasskeySettings
    registration: RegistrationSettings
  }
  const { rbac } = settings.organizations as { rbac: Record<string, string[]> | null }
  return Object.freeze({ ...core, ...tokens, ...sessions, rbac, passwords, passkeys, registration })
}
type Config = ReturnType<typeof loadConfig>

const load = (changes: object = {}, environment: NodeJS.ProcessEnv = production): Config =>
  loadConfig({ ...options, ...changes } as IdentSphereOptions, environment)

/** Asserts that the start fails with an error that names the setting, suggests a fix and shows no secret. */
function assertRefused(start: () => unknown, setting: string, says: RegExp = /\. \S.{8,}/): void {
  assert.throws(start, (error) => {
    assert.ok(error instanceof ConfigurationError, String(error))
    assert.equal(error.setting, setting)
    assert.ok(error.message.startsWith(`IdentSphere cannot start: ${setting} `), error.message)
    assert.match(error.message, says)
    assert.match(error.message, /\.$/)
    assert.ok(!error.message.includes(secret) && !error.message.includes('PRIVATE KEY-----'), error.message)
    return true
  })
}

test('starts in production if complete', () => {
  const config = load()
  assert.equal(config.development, false)
  assert.equal(config.mountPath, '/identity')
  assert.equal(config.issuer, 'https://app.example.com/identity')
  assert.equal(config.audience, config.issuer)
  assert.deepEqual(config.cookies, { secure: true, prefix: false })
  assert.equal(config.signingKeys.active.algorithm, 'RS256')
  assert.deepEqual(
    [config.accessTokenSeconds, config.refreshTokenSeconds, config.refreshGraceSeconds, config.sessionIdleSeconds],
    [900, 30 * 86_400, 10, null],
  )
})

test('treats every NODE_ENV but development and test as production', () => {
  for (const NODE_ENV of [
    undefined,
    '',
    'production',
    'prod',
    'staging',
    'Development',
    'TEST',
    'test ',
    'dev',
    'local',
  ]) {
    const environment = { ...(NODE_ENV === undefined ? {} : { NODE_ENV }), IDENTSPHERE_JWT_SECRET: secret }
    const local = { publicBaseUrl: 'http://localhost:3000' }
    assertRefused(() => load(local, environment), 'publicBaseUrl', /https/)
    assert.equal(load({}, environment).development, false)
    assertRefused(
      () => load({ signingKeys: undefined }, environment),
      'signingKeys[0].privateKey (IDENTSPHERE_RSA_PRIVATE_KEY_PEM)',
    )
    assertRefused(() => load({ database: 'embedded' }, environment), 'database', /DATABASE_URL/)
    assertRefused(() => load({ database: undefined }, environment), 'database', /DATABASE_URL/)
    assertRefused(() => load({ cookies: { secure: false } }, environment), 'cookies.secure', /development/)
  }
  assertRefused(() => load({ development: false, publicBaseUrl: 'http://localhost:3000' }, test_), 'publicBaseUrl')
})

test('relaxes in development only, and for a local public address only', () => {
  for (const publicBaseUrl of [
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000/identity',
    'https://localhost',
  ]) {
    for (const [changes, environment] of [
      [{}, test_],
      [{}, { ...test_, NODE_ENV: 'development' }],
      [{ development: true }, { IDENTSPHERE_JWT_SECRET: secret }],
    ] as const) {
      const config = load({ publicBaseUrl, signingKeys: undefined, database: undefined, ...changes }, environment)
      assert.equal(config.development, true)
      assert.equal(config.database, 'embedded')
      assert.equal(config.signingKeys.active.algorithm, 'HS256')
      assert.equal(config.cookies.secure, publicBaseUrl.startsWith('https:'))
    }
  }
  for (const host of [
    'app.example.com',
    '192.168.0.7',
    '0.0.0.0',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '[::2]',
  ]) {
    for (const environment of [test_, { ...test_, NODE_ENV: 'development' }]) {
      const development = { development: true }
      assertRefused(
        () => load({ ...development, publicBaseUrl: `http://${host}:3000` }, environment),
        'publicBaseUrl',
        /https/,
      )
      const secure = { ...development, publicBaseUrl: `https://${host}` }
      assert.equal(load(secure, environment).development, false, host)
      assertRefused(() => load({ ...secure, database: 'embedded' }, environment), 'database')
      assertRefused(() => load({ ...secure, cookies: { secure: false } }, environment), 'cookies.secure')
      assertRefused(
        () => load({ ...secure, signingKeys: undefined }, environment),
        'signingKeys[0].privateKey (IDENTSPHERE_RSA_PRIVATE_KEY_PEM)',
      )
    }
  }
})

test('requires a publicBaseUrl that is a plain https address', () => {
  for (const publicBaseUrl of [
    undefined,
    '',
    'app.example.com',
    '/identity',
    'ftp://app.example.com',
    'javascript:alert(1)',
    'http://app.example.com',
    'https://user:password@app.example.com',
    'https://app.example.com?x=1',
    'https://app.example.com#x',
    'https://',
  ]) {
    assertRefused(() => load({ publicBaseUrl }), 'publicBaseUrl', /address/)
  }
  for (const [publicBaseUrl, mountPath, issuer] of [
    ['https://x.example', '', 'https://x.example'],
    ['https://x.example/', '', 'https://x.example'],
    ['https://x.example:8443/a/b/', '/a/b', 'https://x.example:8443/a/b'],
    ['HTTPS://X.EXAMPLE/a', '/a', 'https://x.example/a'],
  ] as const) {
    const config = load({ publicBaseUrl })
    assert.deepEqual([config.mountPath, config.issuer], [mountPath, issuer])
  }
})

test('requires secrets that are long, random and different', () => {
  assertRefused(() => load({ secrets: undefined }), 'secrets (IDENTSPHERE_SECRETS)', /openssl rand/)
  assertRefused(() => load({ secrets: [] }), 'secrets', /openssl rand/)
  for (const value of ['', 'short', secret.slice(0, 31), 'x'.repeat(64), 'abc'.repeat(20), '0123456789012345']) {
    assertRefused(() => load({ secrets: [{ version: 1, value }] }), 'secrets', /openssl rand/)
    const second = [
      { version: 2, value: secret },
      { version: 1, value },
    ]
    assertRefused(() => load({ secrets: second }), 'secrets', /openssl rand/)
    const environment = { ...production, IDENTSPHERE_SECRETS: `1:${value}` }
    if (value !== '')
      assertRefused(() => load({ secrets: undefined }, environment), 'IDENTSPHERE_SECRETS', /openssl rand/)
    const single = { ...production, IDENTSPHERE_JWT_SECRET: value }
    assertRefused(() => load({ secrets: undefined }, single), 'IDENTSPHERE_JWT_SECRET', /openssl rand/)
    assertRefused(() => load({}, single), 'IDENTSPHERE_JWT_SECRET', /openssl rand/)
  }
  const twice = [
    { version: 1, value: secret },
    { version: 1, value: another },
  ]
  assertRefused(() => load({ secrets: twice }), 'secrets', /version/)
  const same = [
    { version: 2, value: secret },
    { version: 1, value: secret },
  ]
  assertRefused(() => load({ secrets: same }), 'secrets', /twice/)
  for (const version of [0, -1, 1.5, Number.NaN, '1']) {
    assertRefused(() => load({ secrets: [{ version, value: secret }] }), 'secrets.0.version')
  }
})

test('reads IDENTSPHERE_SECRETS as a list of versions, newest first', () => {
  const read = (text: string) => load({ secrets: undefined }, { ...production, IDENTSPHERE_SECRETS: text }).secrets
  assert.deepEqual(read(`2:${another},1:${secret}`), [
    { version: 2, value: another },
    { version: 1, value: secret },
  ])
  assert.deepEqual(read(` 10:${another} , 7:${secret} `), [
    { version: 10, value: another },
    { version: 7, value: secret },
  ])
  assert.deepEqual(read(secret), [{ version: 1, value: secret }])
  for (const text of [`2:${another},${secret}`, `${another},${secret}`, `2:${another},`, `x:${another},1:${secret}`]) {
    assertRefused(() => read(text), 'IDENTSPHERE_SECRETS', /2:<new>,1:<old>/)
  }
  const fallback = load({ secrets: undefined }, { ...production, IDENTSPHERE_JWT_SECRET: secret }).secrets
  assert.deepEqual(fallback, [{ version: 1, value: secret }])
})

test('prefers options to the environment, and the environment to defaults', () => {
  const environment = {
    ...production,
    DATABASE_URL: 'postgres://localhost/from_environment',
    IDENTSPHERE_SCHEMA: 'from_environment',
    IDENTSPHERE_PUBLIC_BASE_URL: 'https://environment.example',
    IDENTSPHERE_ALLOWED_ORIGINS: 'https://a.example, https://b.example',
    IDENTSPHERE_ISSUER: 'https://issuer.environment.example',
    IDENTSPHERE_AUDIENCE: 'from-environment',
    IDENTSPHERE_SECRETS: `3:${another}`,
    IDENTSPHERE_RSA_PRIVATE_KEY_PEM: privateKey.replaceAll('\n', '\\n'),
    IDENTSPHERE_RSA_VERIFY_KEYS_PEM: generateKeyPairSync('rsa', { modulusLength: 2048 })
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString(),
    IDENTSPHERE_ACCESS_EXPIRY_SECS: '300',
    IDENTSPHERE_REFRESH_EXPIRY_SECS: '3600',
    IDENTSPHERE_WORKER: 'external',
  }
  const seen = (config: Config) => ({
    database: config.database,
    schema: config.schema,
    publicBaseUrl: config.publicBaseUrl.href,
    origins: ['https://a.example', 'https://b.example', 'https://c.example'].filter(config.isOwnOrigin),
    issuer: config.issuer,
    audience: config.audience,
    secrets: config.secrets.map(({ version }) => version),
    keys: config.signingKeys.byKid.size,
    accessTokenSeconds: config.accessTokenSeconds,
    refreshTokenSeconds: config.refreshTokenSeconds,
    worker: config.worker,
  })
  assert.deepEqual(seen(loadConfig({}, environment)), {
    database: 'postgres://localhost/from_environment',
    schema: 'from_environment',
    publicBaseUrl: 'https://environment.example/',
    origins: ['https://a.example', 'https://b.example'],
    issuer: 'https://issuer.environment.example',
    audience: 'from-environment',
    secrets: [3],
    keys: 2,
    accessTokenSeconds: 300,
    refreshTokenSeconds: 3600,
    worker: 'external',
  })
  const given: IdentSphereOptions = {
    ...options,
    schema: 'given',
    allowedOrigins: ['https://c.example'],
    issuer: 'https://given.example',
    audience: 'given',
    accessTokenSeconds: 60,
    refreshTokenSeconds: 600,
    worker: 'in-process',
  }
  assert.deepEqual(seen(loadConfig(given, environment)), {
    database: 'postgres://localhost/app',
    schema: 'given',
    publicBaseUrl: 'https://app.example.com/identity',
    origins: ['https://c.example'],
    issuer: 'https://given.example',
    audience: 'given',
    secrets: [1],
    keys: 1,
    accessTokenSeconds: 60,
    refreshTokenSeconds: 600,
    worker: 'in-process',
  })
  assert.equal(loadConfig({ ...options, schema: undefined } as never, environment).schema, 'from_environment')
})

test('requires whole numbers within limits in the environment', () => {
  for (const variable of ['IDENTSPHERE_ACCESS_EXPIRY_SECS', 'IDENTSPHERE_REFRESH_EXPIRY_SECS']) {
    for (const text of ['', ' ', '15m', '-1', '1.5', '1e3', '0x10', '900 ', 'NaN', 'Infinity', '9999999999']) {
      assertRefused(() => load({}, { ...production, [variable]: text }), variable, /seconds/)
    }
  }
  assertRefused(() => load({}, { ...production, IDENTSPHERE_ACCESS_EXPIRY_SECS: '9' }), 'accessTokenSeconds')
  assertRefused(
    () => load({}, { ...production, IDENTSPHERE_REFRESH_EXPIRY_SECS: String(401 * 86_400) }),
    'refreshTokenSeconds',
  )
  assertRefused(() => load({}, { ...production, IDENTSPHERE_WORKER: 'elsewhere' }), 'worker')
})

test('rejects unknown keys by name, at every depth', () => {
  for (const [changes, setting] of [
    [{ publicBaseURL: 'https://x.example' }, 'publicBaseURL'],
    [{ Secrets: [] }, 'Secrets'],
    [{ cookies: { domain: 'example.com' } }, 'cookies.domain'],
    [{ cookies: { sameSite: 'none' } }, 'cookies.sameSite'],
    [{ passwords: { minlength: 8 } }, 'passwords.minlength'],
    [{ tokens: { expose: true } }, 'tokens.expose'],
    [{ registration: { open: true } }, 'registration.open'],
    [{ hooks: { onLogin: () => {} } }, 'hooks.onLogin'],
    [{ pages: { login: '/' } }, 'pages.login'],
    [{ secrets: [{ version: 1, value: secret, secret }] }, 'secrets.0.secret'],
  ] as const) {
    assertRefused(() => load(changes), setting, /Remove it or correct its spelling/)
  }
})

test('rejects values of wrong types by name', () => {
  for (const [changes, setting] of [
    [{ database: 'mysql://localhost/app' }, 'database'],
    [{ database: 7 }, 'database'],
    [{ schema: 'Robert"; DROP TABLE users; --' }, 'schema'],
    [{ schema: 'x'.repeat(64) }, 'schema'],
    [{ accessTokenSeconds: '900' }, 'accessTokenSeconds'],
    [{ accessTokenSeconds: 1.5 }, 'accessTokenSeconds'],
    [{ refreshTokenSeconds: 401 * 86_400 }, 'refreshTokenSeconds'],
    [{ refreshGraceSeconds: 61 }, 'refreshGraceSeconds'],
    [{ sessionIdleSeconds: 60 }, 'sessionIdleSeconds'],
    [{ passwords: { minLength: 7 } }, 'passwords.minLength'],
    [{ passwords: { refuse: 'everything' } }, 'passwords.refuse'],
    [{ registration: { mode: 'opened' } }, 'registration.mode'],
    [{ registration: { organization: true } }, 'registration.organization'],
    [{ registration: { fields: { plan: 'string' } } }, 'registration.fields'],
    [{ pages: { signIn: '//evil.example' } }, 'pages.signIn'],
    [{ pages: { signIn: 'https://evil.example' } }, 'pages.signIn'],
    [{ pages: { signIn: '/\\evil.example' } }, 'pages.signIn'],
    [{ hooks: { onRegister: 'hook' } }, 'hooks.onRegister'],
    [{ logger: { info: () => {} } }, 'logger'],
    [{ worker: 'none' }, 'worker'],
    [{ development: 'true' }, 'development'],
    [{ rbac: { owner: '*' } }, 'rbac.owner'],
    [{ signingKeys: [{ privateKey: 7 }] }, 'signingKeys.0.privateKey'],
  ] as const) {
    assertRefused(() => load(changes), setting)
  }
  for (const [changes, setting] of [
    [{ rbac: { chief: ['*'] } }, 'rbac.chief'],
    [{ passwords: { argon2: { memoryKiB: 1024, iterations: 2, parallelism: 1 } } }, 'passwords.argon2.memoryKiB'],
  ] as const) {
    const start = () =>
      buildIdentSphere({ ...options, ...changes } as never, { environment: production, clock: testClock() })
    assertRefused(start, setting)
  }
})

test('rejects verification before registration if there is no mailer', () => {
  assertRefused(() => load({ registration: { verification: 'first' } }), 'registration.verification', /'later'/)
  assert.equal(load({ registration: { verification: 'later' } }).registration.mode, 'open')
})

test('requires Secure cookies for cookie prefixes', () => {
  assert.deepEqual(load({ cookies: { prefix: true } }).cookies, { secure: true, prefix: true })
  const local = { publicBaseUrl: 'http://localhost:3000', cookies: { prefix: true } }
  assertRefused(() => load(local, test_), 'cookies.prefix', /https/)
  assertRefused(() => load({ cookies: { secure: false, prefix: true } }), 'cookies.secure')
})

test('requires exact allowed origins, or a function that returns true', () => {
  for (const origin of [
    '',
    '*',
    'null',
    'app.example.com',
    'https://*.example.com',
    'https://a.example/',
    'https://a.example/path',
    'https://A.example',
    'https://user@a.example',
    'https://a.example:443',
    'file:///x',
    'javascript:alert(1)',
  ]) {
    assertRefused(
      () => load({ allowedOrigins: ['https://ok.example', origin] }),
      'allowedOrigins',
      /https:\/\/app\.example\.com/,
    )
  }
  assertRefused(() => load({}, { ...production, IDENTSPHERE_ALLOWED_ORIGINS: 'https://a.example,' }), 'allowedOrigins')
  const listed = load({ allowedOrigins: ['https://a.example', 'https://b.example:8443'] })
  for (const [origin, own] of [
    ['https://app.example.com', true],
    ['https://a.example', true],
    ['https://b.example:8443', true],
    ['https://b.example', false],
    ['http://a.example', false],
    ['https://a.example.evil.example', false],
    ['https://sub.a.example', false],
    ['null', false],
    ['', false],
  ] as const) {
    assert.equal(listed.isOwnOrigin(origin), own, origin)
  }
  const asked = load({ allowedOrigins: (origin: string) => (origin === 'https://a.example' ? true : ('yes' as never)) })
  assert.deepEqual(['https://app.example.com', 'https://a.example', 'https://b.example'].map(asked.isOwnOrigin), [
    true,
    true,
    false,
  ])
})

test('requires readable, strong, different signing keys, the first one private', () => {
  const first = 'signingKeys[0].privateKey (IDENTSPHERE_RSA_PRIVATE_KEY_PEM)'
  const weak = generateKeyPairSync('rsa', {
    modulusLength: 1024,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  assertRefused(() => load({ signingKeys: undefined }), first, /openssl genpkey/)
  assertRefused(() => load({ signingKeys: [] }), first, /openssl genpkey/)
  assertRefused(() => load({ signingKeys: [{ publicKey }] }), first)
  assertRefused(() => load({ signingKeys: [{ privateKey: 'x' }] }), first)
  assertRefused(() => load({ signingKeys: [{ privateKey: weak.privateKey }] }), first)
  assertRefused(
    () => load({ signingKeys: [{ privateKey }, { publicKey: weak.publicKey }] }),
    'signingKeys[1].publicKey',
  )
  assertRefused(() => load({ signingKeys: [{ privateKey }, { publicKey }] }), 'signingKeys', /twice/)
  assertRefused(() => load({ signingKeys: [{ privateKey, publicKey: weak.publicKey }] }), 'signingKeys[0].publicKey')
  const alone = { ...production, IDENTSPHERE_RSA_VERIFY_KEYS_PEM: publicKey }
  assertRefused(() => load({ signingKeys: undefined }, alone), 'IDENTSPHERE_RSA_VERIFY_KEYS_PEM', /PRIVATE_KEY_PEM/)
  const garbled = { ...production, IDENTSPHERE_RSA_PRIVATE_KEY_PEM: 'no key' }
  assertRefused(() => load({ signingKeys: undefined }, garbled), 'IDENTSPHERE_RSA_PRIVATE_KEY_PEM')
})

test('is frozen and independent of later changes to the options', () => {
  const given = {
    ...options,
    allowedOrigins: ['https://a.example'],
    cookies: { secure: true },
    passwords: { minLength: 12, argon2: { memoryKiB: 19_456, iterations: 2, parallelism: 1 } },
    registration: { mode: 'closed' as const },
    rbac: { owner: ['*'], viewer: ['reports:read'] },
    secrets: [{ version: 1, value: secret }],
  }
  const config = loadConfig(given, production)
  given.allowedOrigins.push('https://evil.example')
  given.cookies.secure = false
  given.passwords.minLength = 8
  given.passwords.argon2.memoryKiB = 1
  given.registration.mode = 'open' as never
  given.rbac.viewer.push('*')
  Object.assign(given.secrets[0] ?? {}, { value: 'x' })
  assert.equal(config.isOwnOrigin('https://evil.example'), false)
  assert.equal(config.cookies.secure, true)
  assert.deepEqual(config.passwords, {
    minLength: 12,
    refuse: undefined,
    argon2: { memoryKiB: 19_456, iterations: 2, parallelism: 1 },
  })
  assert.equal(config.registration.mode, 'closed')
  assert.deepEqual(config.rbac?.viewer, ['reports:read'])
  assert.equal(config.secrets[0]?.value, secret)

  assert.ok(Object.isFrozen(config))
  for (const part of ['cookies', 'passwords', 'registration', 'pages', 'hooks', 'signingKeys'] as const) {
    assert.ok(Object.isFrozen(config[part]), part)
  }
  assert.throws(() => Object.assign(config, { development: true }), TypeError)
})

test('opens nothing at construction and reads only options and environment', async () => {
  const identsphere = buildIdentSphere(
    { ...options, database: 'postgres://127.0.0.1:1/nothing' },
    { environment: production, clock: testClock() },
  )
  identsphere.router()
  identsphere.requireAuth()
  await identsphere.close()
  await identsphere.close()
  assert.throws(
    () => createIdentSphere({ publicBaseUrl: 'http://app.example.com', development: false }),
    ConfigurationError,
  )
})

test('requires a sign-in page that is a path or on an own origin', () => {
  const allowedOrigins = ['https://spa.example.com']
  for (const [signIn, href] of [
    [undefined, 'https://app.example.com/'],
    ['/sign-in?x=1', 'https://app.example.com/sign-in?x=1'],
    ['https://app.example.com/sign-in', 'https://app.example.com/sign-in'],
    ['https://spa.example.com/#/sign-in', 'https://spa.example.com/#/sign-in'],
  ] as const) {
    const config = load({ allowedOrigins, ...(signIn === undefined ? {} : { pages: { signIn } }) })
    assert.equal(config.pages.signIn().href, href)
    assert.notEqual(config.pages.signIn(), config.pages.signIn(), 'every caller gets its own copy')
  }
  for (const signIn of [
    'https://evil.example/',
    'http://spa.example.com/',
    'https://spa.example.com:8443/',
    'https://spa.example.com./',
    'https://spa.example.com.evil.example/',
    'https://spa.example.com@evil.example/',
    'https://user@spa.example.com/',
    'https:///spa.example.com',
    'https:spa.example.com',
    'javascript:alert(1)',
    '/\\evil.example',
    '//spa.example.com/',
  ]) {
    assertRefused(() => load({ allowedOrigins, pages: { signIn } }), 'pages.signIn')
  }
  const asked = load({
    allowedOrigins: (origin: string) => origin === 'https://spa.example.com',
    pages: { signIn: 'https://spa.example.com/sign-in' },
  })
  assert.equal(asked.pages.signIn().href, 'https://spa.example.com/sign-in')
  const refused = load({ allowedOrigins: () => false, pages: { signIn: 'https://spa.example.com/sign-in' } })
  assertRefused(() => refused.pages.signIn(), 'pages.signIn')
})

/** @see RFC 6761 section 6.3 */
test('treats every name below localhost as local, but no similar name', () => {
  const local = (publicBaseUrl: string) => load({ publicBaseUrl, development: true }).development
  for (const host of ['localhost', 'app.localhost', 'api.app.localhost', '127.0.0.1', '[::1]']) {
    assert.equal(local(`https://${host}:3000`), true, host)
  }
  for (const host of ['localhost.evil.example', 'evillocalhost', 'app.localhost.example', 'localhost.', '127.0.0.2']) {
    assert.equal(local(`https://${host}:3000`), false, host)
  }
})

test('requires an RP id above the public host, and own related origins', () => {
  assert.deepEqual(load().passkeys, { rpId: 'app.example.com', rpName: 'app.example.com', relatedOrigins: [] })
  assert.equal(load({ passkeys: { rpId: 'example.com' } }).passkeys.rpId, 'example.com')
  for (const rpId of ['other.example', 'xapp.example.com', 'pp.example.com', 'sub.app.example.com']) {
    assertRefused(() => load({ passkeys: { rpId } }), 'passkeys.rpId')
  }
  for (const rpId of ['com', 'EXAMPLE.com', 'https://example.com', 'example.com:443', '*.example.com', '']) {
    assertRefused(() => load({ passkeys: { rpId } }), 'passkeys.rpId', /domain/)
  }
  const relatedOrigins = ['https://app.example.de']
  assertRefused(() => load({ passkeys: { relatedOrigins } }), 'passkeys.relatedOrigins')
  assert.deepEqual(
    load({ allowedOrigins: relatedOrigins, passkeys: { relatedOrigins } }).passkeys.relatedOrigins,
    relatedOrigins,
  )
})

test('requires TLS for remote SMTP servers in production, whatever the URL says', () => {
  const mailer = (smtpUrl: string) => ({ mailer: { from: 'no-reply@example.com', smtpUrl } })
  const setting = 'mailer.smtpUrl (SMTP_URL)'
  for (const query of [
    'ignoreTLS=true',
    'requireTLS=false',
    'opportunisticTLS=true',
    'tls.rejectUnauthorized=false',
    'host=192.0.2.1',
  ]) {
    assertRefused(() => load(mailer(`smtp://user:hunter2@mail.example.com:587?${query}`)), setting)
    assertRefused(() => load(mailer(`smtps://user:hunter2@127.0.0.1?name=app&${query}`)), setting)
  }
  for (const url of ['smtp://user:hunter2@mail.example.com:587?name=app.example.com', 'smtps://mail.example.com']) {
    assert.equal(load(mailer(url)).mailer?.from, 'no-reply@example.com')
  }
})
