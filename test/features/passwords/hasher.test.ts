import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { test } from 'node:test'
import { hash as argon2, argon2d } from 'argon2'
import bcrypt from 'bcrypt'
import fc from 'fast-check'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import { createPasswordHasher } from '../../../lib/features/passwords/hasher.js'
import { createHashingQueue } from '../../../lib/features/passwords/hashing-queue.js'

const network = '203.0.113.0/24'
const password = 'correct horse battery staple'
const queue = createHashingQueue()
const hasher = createPasswordHasher({ queue })

const miss = { matches: false, needsRehash: false }
const match = { matches: true, needsRehash: false }
const weakMatch = { matches: true, needsRehash: true }

/**
 * The native hashing jobs that started while `act` ran. Counts work, which does not depend on the speed of the machine.
 */
async function nativeWork(act: () => Promise<unknown>): Promise<string[]> {
  const started: string[] = []
  const hook = createHook({ init: (_, type) => void (/^(argon2|bcrypt):/.test(type) && started.push(type)) })
  hook.enable()
  try {
    await act()
  } finally {
    hook.disable()
  }
  return started
}

test('hashes with Argon2id, the OWASP parameters and a fresh salt', async () => {
  const [first, second] = await Promise.all([hasher.hash(password, network), hasher.hash(password, network)])
  assert.match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(first, second)
  assert.deepEqual(await hasher.verify(first, password, network), match)
  assert.deepEqual(await hasher.verify(first, `${password} `, network), miss)
})

/** The first three are from the Argon2 reference implementation, the next two from Openwall's crypt_blowfish. */
const imported: [stored: string, password: string, outcome: object][] = [
  ['$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'password', weakMatch],
  ['$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA', 'password', weakMatch],
  ['$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ', 'password', weakMatch],
  ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'U*U', weakMatch],
  ['$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK', 'U*U*', weakMatch],
  ['$2b$04$BArgSuIzJdiwRC2K.Dnp1u3QtTiML4yEntAPqLLDvjyBo9zTXz8B2', password, weakMatch],
  ['$2y$04$BArgSuIzJdiwRC2K.Dnp1u3QtTiML4yEntAPqLLDvjyBo9zTXz8B2', password, weakMatch],
  [
    '$argon2d$v=19$m=19456,t=2,p=1$SvyNZW+TJl8QnMbgr7meLw$vmIy9hXkp3QO/EDCgfQ9CNsPVJUp2fhWvmyvZXX5K94',
    password,
    weakMatch,
  ],
  [
    '$argon2id$v=19$m=65536,t=3,p=4$nwsPjCuGAX+6PtPnS2CdpQ$8yO2qQWtVV3spJlK05vaRY970QXLZ1cNujpFyZd1BOU',
    password,
    match,
  ],
]

/** @see https://www.rfc-editor.org/rfc/rfc9106#section-4 for the second recommended option, m=65536 t=3 p=4 */
test('verifies imported hashes and requests a rehash for all but strong Argon2id', async () => {
  for (const [stored, secret, outcome] of imported) {
    assert.deepEqual(await hasher.verify(stored, secret, network), outcome, stored)
    assert.deepEqual(await hasher.verify(stored, `${secret}x`, network), miss, stored)
  }
})

test('requests a rehash exactly if a parameter is weaker than configured', async () => {
  const strict = createPasswordHasher({ queue, argon2: { memoryKiB: 20_000, iterations: 3, parallelism: 2 } })
  const options = { memoryCost: 20_000, timeCost: 3, parallelism: 2 }
  const needsRehash = async (changes: object) => {
    const stored = await argon2(password, { ...options, ...changes })
    return (await strict.verify(stored, password, network)).needsRehash
  }
  assert.equal(await needsRehash({}), false)
  assert.equal(await needsRehash({ memoryCost: 30_000, timeCost: 4, parallelism: 4 }), false)
  assert.equal(await needsRehash({ memoryCost: 19_999 }), true)
  assert.equal(await needsRehash({ timeCost: 2 }), true)
  assert.equal(await needsRehash({ parallelism: 1 }), true)
  assert.equal(await needsRehash({ version: 0x10 }), true)
  assert.equal(await needsRehash({ type: argon2d }), true)
  assert.equal(await needsRehash({ hashLength: 16 }), true)
  assert.equal(await needsRehash({ salt: Buffer.from('saltsalt') }), true)
})

const salt = 'c29tZXNhbHQ'
const digest = 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
const unreadable: [reason: string, stored: string | null][] = [
  ['no account', null],
  ['empty', ''],
  ['plain text', password],
  ['unknown scheme', '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'],
  ['MD5', '$1$3azHgidD$SrJPt7B.9rekpmwJwtON31'],
  ['memory above 256 MiB', `$argon2id$v=19$m=262145,t=2,p=1$${salt}$${digest}`],
  ['passes above 10', `$argon2id$v=19$m=19456,t=11,p=1$${salt}$${digest}`],
  ['lanes above 8', `$argon2id$v=19$m=19456,t=2,p=9$${salt}$${digest}`],
  ['2 ** 32 passes', `$argon2id$v=19$m=19456,t=4294967296,p=1$${salt}$${digest}`],
  ['no passes', `$argon2id$v=19$m=19456,t=0,p=1$${salt}$${digest}`],
  ['too little memory for its lanes', `$argon2id$v=19$m=63,t=1,p=8$${salt}$${digest}`],
  ['unknown version', `$argon2id$v=20$m=19456,t=2,p=1$${salt}$${digest}`],
  ['negative parameter', `$argon2id$v=19$m=-19456,t=2,p=1$${salt}$${digest}`],
  ['parameters missing', `$argon2id$v=19$${salt}$${digest}`],
  ['parameters twice', `$argon2id$v=19$m=19456,t=2,p=1,t=9$${salt}$${digest}`],
  ['salt of 7 bytes', `$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbA$${digest}`],
  ['hash of 15 bytes', `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${'A'.repeat(20)}`],
  ['hash of 65 bytes', `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${'A'.repeat(87)}`],
  ['hash absent', `$argon2id$v=19$m=19456,t=2,p=1$${salt}`],
  ['impossible base64', `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${'A'.repeat(41)}`],
  ['trailing newline', `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${digest}\n`],
  ['longer than 512 characters', `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(512)}$${digest}`],
  ['bcrypt of cost 15', '$2b$15$BArgSuIzJdiwRC2K.Dnp1u3QtTiML4yEntAPqLLDvjyBo9zTXz8B2'],
  ['bcrypt of cost 3', '$2b$03$BArgSuIzJdiwRC2K.Dnp1u3QtTiML4yEntAPqLLDvjyBo9zTXz8B2'],
  ['bcrypt, truncated', '$2b$04$BArgSuIzJdiwRC2K.Dnp1u3QtTiML4yEntAPqLLDvjyBo9zTXz8B'],
  ['bcrypt with the sign-extension bug', '$2x$04$BArgSuIzJdiwRC2K.Dnp1u3QtTiML4yEntAPqLLDvjyBo9zTXz8B2'],
]

test('treats an unreadable hash like a wrong password, at the same cost', async () => {
  const real = await hasher.hash(password, network)
  const expected = await nativeWork(() => hasher.verify(real, 'wrong', network))
  assert.deepEqual(expected, ['argon2:HashWorker'])
  for (const [reason, stored] of unreadable) {
    const work = await nativeWork(async () => {
      assert.deepEqual(await hasher.verify(stored, password, network), miss, reason)
    })
    assert.deepEqual(work, expected, reason)
  }
})

test('rejects parameters beyond a limit even if the password is right', async () => {
  const small = { memoryCost: 128, timeCost: 1, parallelism: 1 }
  for (const [reason, within, past] of [
    ['memory', { memoryCost: 262_144 }, { memoryCost: 262_145 }],
    ['passes', { timeCost: 10 }, { timeCost: 11 }],
    ['lanes', { parallelism: 8 }, { parallelism: 9 }],
    ['short hash', { hashLength: 16 }, { hashLength: 15 }],
    ['long hash', { hashLength: 64 }, { hashLength: 65 }],
    ['long text', { salt: Buffer.alloc(320) }, { salt: Buffer.alloc(350) }],
  ] as const) {
    const [accepted, refused] = [within, past].map((options) => argon2(password, { ...small, ...options }))
    assert.deepEqual(await hasher.verify((await accepted) ?? null, password, network), weakMatch, reason)
    assert.deepEqual(await hasher.verify((await refused) ?? null, password, network), miss, reason)
  }
})

test('never throws, whatever hash is stored', async () => {
  const field = fc.oneof(fc.string(), fc.constantFrom('argon2id', 'v=19', 'm=8,t=1,p=1', salt, digest, '2b', '04'))
  const text = fc.oneof(
    fc.string(),
    fc.array(field).map((fields) => `$${fields.join('$')}`),
  )
  await fc.assert(
    fc.asyncProperty(text, async (stored) => {
      assert.deepEqual(await hasher.verify(stored, password, network), miss)
    }),
    { numRuns: 40 },
  )
})

/** @see https://www.usenix.org/legacy/events/usenix99/provos/provos_html/node5.html */
test('never matches a password that bcrypt would truncate, at full cost', async () => {
  const full = 'x'.repeat(72)
  const stored = await bcrypt.hash(full, 4)
  assert.deepEqual(await hasher.verify(stored, full, network), weakMatch)
  for (const longer of [`${full}y`, `${full}${'y'.repeat(10_000)}`]) {
    assert.equal(await bcrypt.compare(longer, stored), true, 'the library ignores the remaining bytes')
    const work = await nativeWork(async () => {
      assert.deepEqual(await hasher.verify(stored, longer, network), miss)
    })
    assert.deepEqual(work, ['bcrypt:CompareAsyncWorker'])
  }
  const accented = await bcrypt.hash('é'.repeat(36), 4)
  assert.deepEqual(await hasher.verify(accented, 'é'.repeat(36), network), weakMatch)
  assert.deepEqual(await hasher.verify(accented, 'é'.repeat(37), network), miss)
})

test('never matches a password with NUL, which bcrypt reads as a repetition', async () => {
  const stored = await bcrypt.hash('short', 4)
  assert.equal(await bcrypt.compare('short\0short', stored), true, 'the library treats both as one key')
  assert.deepEqual(await hasher.verify(stored, 'short\0short', network), miss)
  assert.deepEqual(await hasher.verify(stored, 'short', network), weakMatch)
})

test('reads whole passwords with Argon2id: NUL, 10 kB, Unicode forms', async () => {
  for (const [one, other] of [
    ['before\0after', 'before'],
    ['before\0after', 'before\0other'],
    ['x'.repeat(10_000), `${'x'.repeat(9_999)}y`],
    ['\u00e9'.repeat(12), 'e\u0301'.repeat(12)],
  ] as const) {
    const stored = await hasher.hash(one, network)
    assert.deepEqual(await hasher.verify(stored, one, network), match)
    assert.deepEqual(await hasher.verify(stored, other, network), miss)
  }
})

test('sends every hash and verification through the queue', async () => {
  const closed = createHashingQueue()
  await closed.close()
  const { hash, verify } = createPasswordHasher({ queue: closed })
  const isUnavailable = (error: unknown) => error instanceof IdentSphereError && error.code === 'service_unavailable'
  const work = await nativeWork(async () => {
    await assert.rejects(hash(password, network), isUnavailable)
    await assert.rejects(verify(null, password, network), isUnavailable)
    for (const [stored] of imported) await assert.rejects(verify(stored, password, network), isUnavailable)
  })
  assert.deepEqual(work, [])
})

/** @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
test('rejects parameters outside its limits and names the setting', () => {
  for (const [name, values] of Object.entries({
    memoryKiB: [19_455, 0, Number.NaN, 19_456.5, 262_145],
    iterations: [1, 0, 11],
    parallelism: [0, -1, 9],
  })) {
    for (const value of values) {
      assert.throws(
        () => createPasswordHasher({ queue, argon2: { [name]: value } }),
        (error) => error instanceof ConfigurationError && error.setting === `passwords.argon2.${name}`,
        `${name} ${value}`,
      )
    }
  }
})

test('hashes nothing when it is created', async () => {
  assert.deepEqual(await nativeWork(async () => createPasswordHasher({ queue })), [])
})
