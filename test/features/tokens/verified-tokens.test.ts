import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import type { VerifiedAccessToken } from '../../../lib/features/tokens/access-tokens.js'
import type { SigningKey } from '../../../lib/features/tokens/signing-keys.js'
import { createVerifiedTokens, type VerifiedEntry } from '../../../lib/features/tokens/verified-tokens.js'

const now = 1_800_000_000
const verifyingKey = createSecretKey(Buffer.alloc(32, 7))
const key: SigningKey = { kid: 'k', algorithm: 'HS256', verifyingKey, signingKey: null }
const ring = new Map([['k', key]])

function entry(exp = now + 60): VerifiedEntry {
  return { result: { ok: true, claims: { exp } as VerifiedAccessToken, kid: key.kid }, key }
}

test('forgets the least recently used token beyond the limit', () => {
  const tokens = createVerifiedTokens(2)
  tokens.remember('a', entry())
  tokens.remember('b', entry())
  assert.notEqual(tokens.recall('a', now, ring), null)
  tokens.remember('c', entry())
  assert.equal(tokens.size, 2)
  assert.equal(tokens.recall('b', now, ring), null)
  assert.notEqual(tokens.recall('a', now, ring), null)
  assert.notEqual(tokens.recall('c', now, ring), null)
})

test('forgets a token in the second that it expires', () => {
  const tokens = createVerifiedTokens(10)
  tokens.remember('a', entry(now + 60))
  assert.notEqual(tokens.recall('a', now + 59.999, ring), null)
  assert.equal(tokens.recall('a', now + 60, ring), null)
  assert.equal(tokens.size, 0)
})

test('forgets a token if its key was removed or its kid reused', () => {
  const tokens = createVerifiedTokens(10)
  for (const changed of [new Map(), new Map([['k', { ...key }]])]) {
    tokens.remember('a', entry())
    assert.equal(tokens.recall('a', now, changed), null)
    assert.equal(tokens.recall('a', now, ring), null)
  }
})

test('remembers nothing with a limit of 0', () => {
  const tokens = createVerifiedTokens(0)
  tokens.remember('a', entry())
  assert.equal(tokens.size, 0)
})
