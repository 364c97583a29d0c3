import { type ErrorCode, IdentSphereError } from '../core/errors.js'

/** An error with parameters for `WWW-Authenticate` (RFC 6750 section 3). */
export class ChallengeError extends IdentSphereError {
  readonly parameters: Readonly<Record<string, string>>

  constructor(code: ErrorCode, parameters: Readonly<Record<string, string>> = {}) {
    super(code)
    this.parameters = parameters
  }
}

/**
 * Makes `WWW-Authenticate` of a denial (RFC 6750 section 3) with the address of the resource's metadata (RFC 9728 section 5.1).
 * Values need no escaping: scopes were checked, and addresses come from a parsed URL.
 */
export function createChallenge(metadataUrl: URL | null): (error: IdentSphereError) => string | null {
  const metadata = metadataUrl === null ? {} : { resource_metadata: metadataUrl.href }
  return (error) => {
    if (!(error instanceof ChallengeError)) return null
    const parameters = Object.entries({ ...error.parameters, ...metadata })
    return ['Bearer', parameters.map(([name, value]) => `${name}="${value}"`).join(', ')].join(' ').trimEnd()
  }
}
