import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { ConfigurationError } from '../../../lib/core/config/configuration-error.js'
import { IdentSphereError } from '../../../lib/core/errors.js'
import { createPasswordPolicy } from '../../../lib/features/passwords/password-policy.js'
import type { PasswordOwner } from '../../../lib/features/passwords/rules/rule.js'

const policy = createPasswordPolicy()
const stranger: PasswordOwner = {}

/** The message for a rejected password, or null if it is accepted. */
async function objection(password: string, about = stranger, { check } = policy): Promise<string | null> {
  try {
    await check(password, about)
    return null
  } catch (error) {
    assert.ok(error instanceof IdentSphereError && error.code === 'invalid_input', String(error))
    const [{ message }] = error.details as [{ message: string }]
    return message
  }
}

async function assertRefused(passwords: readonly string[], reason: RegExp, about = stranger): Promise<void> {
  for (const password of passwords) assert.match((await objection(password, about)) ?? 'accepted', reason, password)
}

async function assertAccepted(passwords: readonly string[], about = stranger): Promise<void> {
  for (const password of passwords) assert.equal(await objection(password, about), null, password)
}

/** Text of this many letters that no other rule rejects. */
const letters = (count: number) => Array.from({ length: count }, (_, at) => 'kzvqmxwjtbg'[(at * at) % 11]).join('')

/** @see https://pages.nist.gov/800-63-4/sp800-63b.html section 3.1.1.2 */
test('accepts 12 to 256 characters and counts code points', async () => {
  const emoji = (count: number) => Array.from({ length: count }, (_, at) => String.fromCodePoint(0x1f600 + (at % 70)))
  await assertRefused([letters(11), emoji(11).join(''), ''], /^Use at least 12/)
  await assertAccepted([letters(12), emoji(12).join(''), letters(256), emoji(256).join('')])
  await assertRefused([letters(257), emoji(257).join(''), letters(10_000)], /^Use at most 256/)
})

test('counts the length after NFC normalization', async () => {
  const composed = 'éàüöñçêîôûëï'
  await assertAccepted([composed, composed.normalize('NFD')])
  await assertRefused([composed.slice(1), composed.slice(1).normalize('NFD')], /^Use at least 12/)
})

/** @see https://www.rfc-editor.org/rfc/rfc8265#section-4.2 */
test('treats Unicode forms of the same characters as the same password', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const normalised = policy.normalise(text)
      assert.equal(policy.normalise(text.normalize('NFD')), normalised)
      assert.equal(policy.normalise(normalised), normalised)
    }),
  )
  assert.notEqual(policy.normalise('ﬁ'), policy.normalise('fi'), 'compatibility forms stay different')
})

test('rejects NUL and lone surrogates, and accepts every other character', async () => {
  const rest = letters(12)
  await assertRefused(
    [`\0${rest}`, `${rest}\0`, `\ud800${rest}`, `${rest}\udc00`, `\udc00\ud800${rest}`],
    /not allowed/,
  )
  await assertAccepted([`\ud83d\ude00${rest}`, ` ${rest}\t\n`, `"';--<>&${rest}`, `\u202e${rest}`])
})

test('has no composition rules', async () => {
  await assertAccepted(['twlmqzrvkbxn', 'TWLMQZRVKBXN', '839401756284', '-_.:,;#+*~<|', 'жирафы едят облака'])
})

/** @see https://pages.nist.gov/800-63-4/sp800-63b.html section 3.1.1.2 on blocklists */
test('rejects common passwords, even padded, repeated, respelled or as keyboard walks', async () => {
  const reason = /most used|repeats/
  await assertRefused(
    dictionary['passwords-common'].filter((word) => word.length >= 12),
    reason,
  )
  await assertRefused(
    [
      'password1234',
      'Password123!',
      'PASSWORD!!!!',
      '!!!!password',
      '2026password',
      'P@ssw0rd2026!',
      'p4$$w0rd12345',
      'pässwörd1234',
      'password8391',
      'passwordpassword',
      'Password-Password',
      'qwertyqwerty',
      'qwertyuiop12',
      'qwerasdfzxcv',
      '1q2w3e4r5t6y7u',
      '1qaz2wsx3edc',
      'poiuytrewqasdfg',
      'azertyuiop1234',
      '111111111111',
      'aaaaaabbbbbb',
      '123456789012',
      '210987654321',
      '121212121212',
      'abcabcabcabc',
      'abcdefghijkl',
      'abcd1234efgh',
      'Summer2025!!',
      'love12345678',
      'Adm1n1strat0r!',
      'letmein2024!!',
      'love!!!!!!!!',
      'abc.def.ghi.jkl',
      'f00tba11!!xx',
      'gina2001gina',
    ],
    reason,
  )
})

test('rejects the repetition of one short text', async () => {
  await assertRefused(['g7kq9xg7kq9x', 'g7kq9xmg7kq9xm', 'xkxkxkxkxkxkx', 'ż'.repeat(12), '😀'.repeat(12)], /repeats/)
  const short = createPasswordPolicy({ minLength: 8 })
  assert.equal(await objection('kzvqmxwk', stranger, short), null, 'a letter that recurs is not a repetition')
})

const diceware = dictionary['diceware-common']

test('accepts passphrases of four or more words with any separator', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...diceware), { minLength: 4, maxLength: 8 }),
      fc.constantFrom('', ' ', '-', '.'),
      async (words, separator) => {
        const phrase = words.join(separator)
        fc.pre(phrase.length >= 12)
        assert.equal(await objection(phrase), null, phrase)
      },
    ),
    { numRuns: 2000, seed: 20260101 },
  )
  await assertAccepted(['correct horse battery staple', 'correcthorsebatterystaple', 'dragon monkey shadow master'])
})

test('accepts at least 999 of 1000 random alphanumeric strings', async () => {
  const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789']
  const random = fc.noBias(fc.array(fc.constantFrom(...alphabet), { minLength: 12, maxLength: 20 }))
  const samples = fc.sample(random, { numRuns: 10_000, seed: 20260101 }).map((characters) => characters.join(''))
  const refused: string[] = []
  for (const sample of samples) if ((await objection(sample)) !== null) refused.push(sample)
  assert.ok(refused.length <= samples.length / 1000, refused.join(' '))
})

test('accepts every text or rejects it as invalid input', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.record({
        email: fc.string(),
        displayName: fc.option(fc.string({ unit: 'binary' })),
        organizationName: fc.string({ unit: 'binary' }),
      }),
      async (password, about) => void (await objection(password, about)),
    ),
  )
})

const jane = {
  email: 'jane.doe@hyperion-labs.example',
  displayName: 'Jané Zylberstajn',
  organizationName: 'Oxbow Ferries',
}

test("rejects passwords made mostly of the owner's name, address or organization", async () => {
  await assertRefused(
    [
      'jane.doe@hyperion-labs.example',
      'JANE.DOE@HYPERION-LABS',
      'Jane.Doe.2026',
      'zylberstajn7!',
      'Zylb3rst4jn2026',
      'JaneZylberstajn',
      'jané zylberstajn',
      'oxbowferries!',
      'Oxbow-Ferries-1',
      'hyperion-labs99',
      'janedoe!janedoe',
    ],
    /your own/,
    jane,
  )
})

test('compares names of short parts and long domains as a whole', async () => {
  await assertRefused(['liwuboan2026!', 'Li Wu Bo An 7'], /your own/, { displayName: 'Li Wu Bo An' })
  await assertRefused(['li@wu.international'], /your own/, { email: 'li@wu.international' })
})

test("accepts the owner's name in a long passphrase, and names of others", async () => {
  await assertAccepted(['jane paints seven green doors', 'oxbow lakes turn into meadows'], jane)
  await assertAccepted(['zylberstajn7!', 'oxbowferries!'])
  await assertAccepted(['zylberstajn7!'], { email: '', displayName: null, organizationName: '' })
})

test("calls the host's `refuse` last, with the NFC form", async () => {
  const asked: string[] = []
  const strict = createPasswordPolicy({
    refuse: async (password) => {
      asked.push(password)
      return password.startsWith('breached')
    },
  })
  assert.match((await objection('breached tents float east', stranger, strict)) ?? '', /not allowed/)
  assert.equal(await objection('e\u0301ternal tents float east', stranger, strict), null)
  assert.notEqual(await objection('password1234', stranger, strict), null)
  assert.deepEqual(asked, ['breached tents float east', '\u00e9ternal tents float east'])
})

test("passes on what the host's `refuse` throws", async () => {
  const failure = new Error('down')
  const failing = createPasswordPolicy({ refuse: () => Promise.reject(failure) })
  await assert.rejects(failing.check(letters(12), stranger), failure)
})

test('names the field in a rejection and never repeats the password', async () => {
  const error = await policy.check('password1234', stranger, 'newPassword').catch((thrown: unknown) => thrown)
  assert.ok(error instanceof IdentSphereError)
  assert.deepEqual(
    (error.details as { path: string }[]).map(({ path }) => path),
    ['newPassword'],
  )
  assert.ok(!JSON.stringify([error.details, error.message]).includes('password1234'))
  await assert.rejects(policy.check('', stranger), {
    details: [{ path: 'password', message: 'Use at least 12 characters.' }],
  })
})

test('applies a minLength of 8 to 64', async () => {
  for (const minLength of [7, 65, 0, 8.5, Number.NaN]) {
    assert.throws(
      () => createPasswordPolicy({ minLength }),
      (error) => error instanceof ConfigurationError && error.setting === 'passwords.minLength',
    )
  }
  for (const minLength of [8, 15, 64]) {
    const other = createPasswordPolicy({ minLength })
    assert.equal(await objection(letters(minLength), stranger, other), null)
    assert.notEqual(await objection(letters(minLength - 1), stranger, other), null)
  }
})
