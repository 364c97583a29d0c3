import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { base32 } from '../../../lib/features/totp/base32.js'
import { matchingStep, otpauthUrl, totpAt } from '../../../lib/features/totp/totp.js'
import { totp } from '../../support/mfa.js'

/** The reason for skipping if oathtool is not installed. `.ci/run` installs it. */
const skip =
  spawnSync('oathtool', ['--version']).error === undefined ? false : 'needs oathtool (apt-get install oathtool)'

/** @see RFC 6238 appendix B. Our six digits are the last six of its eight. */
const appendixB: Array<[seconds: number, code: string]> = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
]

describe('TOTP codes', () => {
  const secret = Buffer.from('12345678901234567890')

  it('match RFC 6238 appendix B', () => {
    for (const [seconds, code] of appendixB) {
      const step = Math.floor(seconds / 30)
      assert.equal(totpAt(secret, step), code.slice(-6))
      assert.equal(matchingStep(secret, code.slice(-6), seconds * 1000), step)
    }
  })

  it('are accepted one step before and after, no further', () => {
    const now = 1_234_567_890_000
    const present = Math.floor(now / 30_000)
    for (const offset of [-1, 0, 1]) {
      assert.equal(matchingStep(secret, totpAt(secret, present + offset), now), present + offset)
    }
    for (const offset of [-10, -2, 2, 10]) {
      assert.equal(matchingStep(secret, totpAt(secret, present + offset), now), null, `${offset}`)
    }
  })

  it('are six digits, and no other text of the same number', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.nat(100_000_000), (bytes, step) => {
        const key = Buffer.from(bytes)
        const code = totpAt(key, step)
        assert.match(code, /^\d{6}$/)
        const spellings = [`+${code}`, ` ${code}`, `${code} `, `${code}\n`, code.slice(1), `0${code}`, `${code}.0`]
        for (const spelling of spellings) assert.equal(matchingStep(key, spelling, step * 30_000), null, spelling)
      }),
    )
    const leading = Array.from({ length: 1_000 }, (_, step) => totpAt(secret, step)).find((code) => /^00/.test(code))
    assert.ok(leading)
  })

  it('match those of oathtool for any secret', { skip }, () => {
    const now = 1_764_000_000
    const oathtool = (key: string) =>
      execFileSync('oathtool', ['--totp', '-b', '--now', `@${now}`, key], { encoding: 'utf8' }).trim()
    for (let run = 0; run < 10; run += 1) {
      const bytes = randomBytes(20)
      const code = oathtool(base32(bytes))
      assert.equal(totpAt(bytes, Math.floor(now / 30)), code)
      assert.equal(totp(base32(bytes), now * 1000), code)
      assert.equal(matchingStep(bytes, code, now * 1000), Math.floor(now / 30))
    }
    assert.equal(oathtool('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'), totpAt(secret, Math.floor(now / 30)))
  })

  it('are accepted by oathtool', { skip }, () => {
    const bytes = randomBytes(20)
    const now = 1_764_000_000
    const arguments_ = ['--totp', '-b', '--now', `@${now}`, base32(bytes), totpAt(bytes, Math.floor(now / 30))]
    assert.equal(spawnSync('oathtool', arguments_).status, 0)
  })
})

describe('the otpauth URL', () => {
  it('names issuer and account in encoded form', () => {
    const bytes = randomBytes(20)
    const url = new URL(otpauthUrl('Ärzte & Co/x?y', 'a+b%c@example.com', bytes))
    assert.equal(url.protocol, 'otpauth:')
    assert.equal(url.host, 'totp')
    assert.equal(decodeURIComponent(url.pathname), '/Ärzte & Co/x?y:a+b%c@example.com')
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      secret: base32(bytes),
      issuer: 'Ärzte & Co/x?y',
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
  })

  it('contains the secret in base32 (RFC 4648 section 10)', () => {
    assert.equal(base32(Buffer.from('fooba')), 'MZXW6YTB')
    assert.equal(base32(Buffer.alloc(5)), 'AAAAAAAA')
    assert.equal(base32(Buffer.alloc(20, 255)), '7'.repeat(32))
    assert.throws(() => base32(Buffer.alloc(4)), RangeError)
  })
})
