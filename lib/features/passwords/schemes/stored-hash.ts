/** A stored hash whose scheme and parameters have been read and found to be within bounds. */
export interface StoredHash {
  /** Whether the password made this hash. Takes the scheme's full work whatever the answer. */
  matches(password: string): Promise<boolean>
  /** Whether a match should be followed by storing a new hash: another scheme, or weaker than what is configured. */
  readonly isWeak: boolean
}
