import type { Clock } from '../core/config/clock.js'
import type { Logger } from '../core/config/logger.js'
import { IdentSphereError } from '../core/errors.js'
import type { SigningKey } from '../features/tokens/signing-keys.js'

/** A key set is current for so long. After that, removed keys are refused. */
const maxAgeMs = 600_000
/** If a new set cannot be fetched, the old keys are used for so much longer. */
const maxStalenessMs = 86_400_000
/** Minimum time between two fetches, also for unknown kids. */
const coolDownMs = 30_000
/** The same without usable keys. */
const coolDownWithoutKeysMs = 5_000

const none: ReadonlyMap<string, SigningKey> = new Map()

/** The fetched keys of the issuer. */
export interface RemoteKeys {
  /** The current set. Empty if it has to be fetched first. */
  readonly current: ReadonlyMap<string, SigningKey>
  /**
   * Returns the key with this kid, or undefined if the issuer has none. Fetches the set if needed and allowed.
   *
   * @throws IdentSphereError `service_unavailable` if the set cannot be fetched
   */
  find(kid: string): Promise<SigningKey | undefined>
}

export function createRemoteKeys(deps: {
  fetchKeys: () => Promise<ReadonlyMap<string, SigningKey>>
  clock: Clock
  logger: Logger
}): RemoteKeys {
  const { fetchKeys, clock, logger } = deps
  let keys = none
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  /** Error of the last attempt, or null if it succeeded. */
  let failure: { cause: unknown } | null = null
  /** The running fetch. All callers share it. */
  let fetching: Promise<void> | undefined

  /** Returns false if the clock was set back. */
  function isWithin(durationMs: number, since: number): boolean {
    const ageMs = clock.now() - since
    return ageMs >= 0 && ageMs < durationMs
  }

  const isCurrent = () => isWithin(maxAgeMs, fetchedAt)
  const isUsable = () => isWithin(maxAgeMs + maxStalenessMs, fetchedAt)
  const pauseMs = () => (isUsable() ? coolDownMs : coolDownWithoutKeysMs)

  async function fetchNow(): Promise<void> {
    triedAt = clock.now()
    try {
      keys = await fetchKeys()
      fetchedAt = triedAt
      failure = null
      if (keys.size === 0) logger.warn({}, 'the key set has no RS256 key, so no access token can be verified')
    } catch (cause) {
      failure = { cause }
      logger.warn({ err: cause }, 'the key set cannot be fetched')
    }
    fetching = undefined
  }

  function unavailable(): IdentSphereError {
    const waitSeconds = Math.ceil((triedAt + pauseMs() - clock.now()) / 1000)
    return new IdentSphereError('service_unavailable', {
      retryAfterSeconds: Math.max(1, waitSeconds),
      cause: failure?.cause,
    })
  }

  return {
    get current() {
      return isCurrent() ? keys : none
    },
    async find(kid) {
      if (isCurrent() && keys.has(kid)) return keys.get(kid)
      if (fetching === undefined && !isWithin(pauseMs(), triedAt)) fetching = fetchNow()
      await fetching
      if (!isUsable()) throw unavailable()
      const key = keys.get(kid)
      // The last fetch failed, so the issuer may have a new key that is not in the old set.
      if (key === undefined && failure !== null) throw unavailable()
      return key
    },
  }
}
