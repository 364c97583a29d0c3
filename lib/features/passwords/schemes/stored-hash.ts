/** A stored hash with a supported scheme and accepted parameters. */
export interface StoredHash {
  /** Whether the hash is of this password. It does the full work in both cases. */
  matches(password: string): Promise<boolean>
  /** True if the scheme is not Argon2id, or the parameters are below the configured ones. Then a new hash should be stored. */
  readonly isWeak: boolean
}
