/** Why a token was refused: for the logger, never for the client. */
export type RefusalReason =
  /** Longer than 8 KiB. */
  | 'too_long'
  /** Not three canonical base64url parts with a JSON object as header. */
  | 'malformed'
  /** A header member besides `alg`, `typ` and `kid`. */
  | 'header_member'
  /** Made for another purpose. */
  | 'type'
  /** `kid` names no key of the ring. */
  | 'unknown_key'
  /** `alg` is not the one pinned to the key. */
  | 'algorithm'
  | 'signature'
  | 'issuer'
  | 'audience'
  /** A claim is missing or of the wrong type. */
  | 'claims'
  | 'expired'
  /** `iat` or `nbf` lies in the future. */
  | 'not_yet_valid'
