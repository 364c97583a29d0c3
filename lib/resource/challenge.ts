import { type ErrorCode, IdentSphereError } from '../core/errors.js'

/** A denial with the parameters of its challenge (RFC 6750 section 3). */
export class ChallengeError extends IdentSphereError {
  readonly parameters: Readonly<Record<string, string>>

  constructor(code: ErrorCode, parameters: Readonly<Record<string, string>> = {}) {
    super(code)
    this.parameters = parameters
  }
}

/**
 * `WWW-Authenticate` of a denial: RFC 6750 section 3, and where the resource's metadata is (RFC 9728 section 5.1). No value
 * holds a quote: scopes are checked, and addresses are those of a parsed URL.
 */
export function createChallenge(metadataUrl: URL | null): (error: IdentSphereError) => string | null {
  const metadata = metadataUrl === null ? {} : { resource_metadata: metadataUrl.href }
  return (error) => {
    if (!(error instanceof ChallengeError)) return null
    const parameters = Object.entries({ ...error.parameters, ...metadata })
    return ['Bearer', parameters.map(([name, value]) => `${name}="${value}"`).join(', ')].join(' ').trimEnd()
  }
}
