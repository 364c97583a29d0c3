import type { RootSecret } from '../crypto/key-ring.js'
import { ConfigurationError } from './configuration-error.js'

const minSecretBytes = 32
const fix = 'Generate one with `openssl rand -base64 48` and keep it in a secret manager.'

/** @throws ConfigurationError if the value is shorter than 32 bytes or clearly not random */
export function checkSecret(setting: string, value: string): void {
  if (Buffer.byteLength(value, 'utf8') < minSecretBytes) {
    throw new ConfigurationError(setting, `is shorter than ${minSecretBytes} bytes`, fix)
  }
  if (new Set(value).size < 10) throw new ConfigurationError(setting, 'is not random', fix)
}

/**
 * Parses `IDENTSPHERE_SECRETS`: `2:<value>,1:<value>`, newest first. A single value without a version is version 1.
 *
 * @throws ConfigurationError if an entry is malformed
 */
export function parseSecrets(setting: string, text: string): RootSecret[] {
  const entries = text.split(',').map((entry) => entry.trim())
  return entries.map((entry) => {
    const versioned = /^(\d{1,9}):(.+)$/s.exec(entry)
    if (versioned !== null) return { version: Number(versioned[1]), value: versioned[2] as string }
    if (entries.length === 1) return { version: 1, value: entry }
    throw new ConfigurationError(
      setting,
      'has several secrets, and one of them has no version',
      'Write `2:<new>,1:<old>`, newest first.',
    )
  })
}

export function checkSecrets(setting: string, secrets: readonly RootSecret[]): void {
  if (secrets.length === 0) throw new ConfigurationError(setting, 'is empty', fix)
  for (const secret of secrets) checkSecret(setting, secret.value)
  if (new Set(secrets.map((secret) => secret.version)).size !== secrets.length) {
    throw new ConfigurationError(setting, 'has the same version twice', 'Give each secret its own version number.')
  }
  // If a rotation changes only the number, a leaked old secret stays valid.
  if (new Set(secrets.map((secret) => secret.value)).size !== secrets.length) {
    throw new ConfigurationError(setting, 'has the same secret twice', fix)
  }
}
