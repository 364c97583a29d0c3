import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { password, type TestApp } from './app.js'
import type { Client } from './client.js'
import { type Person, verifiedPerson } from './people.js'

/** A user with an authenticator app, which is signed in and has shown it. */
export interface Enrolled {
  client: Client
  email: string
  userId: string
  organizationId: string
  sessionId: string
  /** Base32, as an app stores it. */
  secret: string
  recoveryCodes: string[]
  /** What the app shows now, or so many steps from now. The code of step 0 has confirmed the enrolment. */
  code(steps?: number): string
}

/** Somebody who has set an authenticator app up. */
export async function enrol(app: TestApp, given?: Person): Promise<Enrolled> {
  const person = given ?? (await verifiedPerson(app))
  await reauthenticate(person.client, 'mfa_setup')
  const secret = await setup(person.client)
  const code = (steps = 0) => totp(secret, app.clock.now(), steps)
  const enabled = await person.client.post('/v1/auth/mfa/enable', { code: code() })
  assert.equal(enabled.status, 200, enabled.text)
  return { ...person, secret, recoveryCodes: enabled.body.recovery_codes, code }
}

export async function reauthenticate(client: Client, purpose?: string): Promise<void> {
  const answer = await client.post('/v1/auth/reauthenticate', { password, ...(purpose && { purpose }) })
  assert.equal(answer.status, 200, answer.text)
}

/** @returns the secret in base32 */
export async function setup(client: Client): Promise<string> {
  const answer = await client.post('/v1/auth/mfa/setup')
  assert.equal(answer.status, 200, answer.text)
  return answer.body.secret
}

/** A first factor of somebody who has a second one. @returns the challenge's token */
export async function challenged(app: Pick<TestApp, 'client'>, email: string, client = app.client()): Promise<string> {
  const answer = await client.post('/v1/auth/login', { email, password })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.status, 'mfa_required')
  return answer.body.mfa_token
}

/** An authenticator app, written down from RFC 6238 apart from what it judges. */
export function totp(secret: string, now: number, steps = 0): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(now / 30_000) + steps))
  const mac = createHmac('sha1', decodeBase32(secret)).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** A code that is none of those that would be accepted. */
export function wrongCode(secret: string, now: number): string {
  const right = [-2, -1, 0, 1, 2].map((steps) => totp(secret, now, steps))
  for (let code = 0; ; code += 1) {
    const text = String(code).padStart(6, '0')
    if (!right.includes(text)) return text
  }
}

function decodeBase32(text: string): Buffer {
  const bits = [...text].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  )
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}
