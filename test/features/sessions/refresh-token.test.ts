import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { randomOctets, uuidv7 } from '../../../lib/core/crypto/random.js'
import { firstRefreshToken, parseRefreshToken, refreshToken } from '../../../lib/features/sessions/refresh-token.js'

describe('a refresh token', () => {
  it('holds its session and generation', () => {
    for (const generation of [0, 1, 255, 65_536, 2 ** 31 - 1]) {
      const token = refreshToken(uuidv7(), generation, randomOctets(32))
      assert.match(token.text, /^[\w-]{70}$/)
      assert.deepEqual(parseRefreshToken(token.text), token)
    }
  })

  it('has 256 random bits besides', () => {
    const sessionId = uuidv7()
    const [one, other] = [firstRefreshToken(sessionId), firstRefreshToken(sessionId)]
    assert.equal(one.generation, 0)
    assert.equal(one.text.slice(0, 26), other.text.slice(0, 26))
    assert.notEqual(one.text, other.text)
    assert.notDeepEqual(one.hash, other.hash)
    assert.equal(Buffer.from(one.text, 'base64url').length, 16 + 4 + 32)
  })

  it('is another one if any character differs, also where its bytes are the same', () => {
    const { text, hash } = firstRefreshToken(uuidv7())
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const last of alphabet) {
      const changed = `${text.slice(0, -1)}${last}`
      if (changed !== text) assert.notDeepEqual(parseRefreshToken(changed)?.hash, hash)
    }
  })

  it('is nothing else than 70 base64url characters', () => {
    const { text } = firstRefreshToken(uuidv7())
    for (const wrong of [
      '',
      'x',
      text.slice(1),
      `${text}A`,
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      text.replace(/^./, '+'),
    ]) {
      assert.equal(parseRefreshToken(wrong), null, wrong)
    }
  })
})
