/** Why a token was refused. For the log only, never for the client. */
export type RefusalReason =
  /** Longer than 8 KiB. */
  | 'too_long'
  /** The token is not three canonical base64url parts with a JSON object as header. */
  | 'malformed'
  /** The header has a member other than `alg`, `typ` and `kid`. */
  | 'header_member'
  /** `typ` is not that of an access token. */
  | 'type'
  /** The key ring has no key with this `kid`. */
  | 'unknown_key'
  /** `alg` is not the algorithm of the key. */
  | 'algorithm'
  | 'signature'
  | 'issuer'
  | 'audience'
  /** A claim is missing or of the wrong type. */
  | 'claims'
  | 'expired'
  /** `iat` or `nbf` is in the future. */
  | 'not_yet_valid'
