import type { Clock } from '../core/config/clock.js'
import type { Logger } from '../core/config/logger.js'
import { IdentSphereError } from '../core/errors.js'
import type { SigningKey } from '../features/tokens/signing-keys.js'

/** Milliseconds for which a key set is taken as current: a key that left it stops verifying after that. */
const maxAge = 600_000
/** Milliseconds beyond that for which known keys go on verifying while no new set can be had. */
const maxStaleness = 86_400_000
/** Milliseconds between two fetches, whatever kids strangers invent. */
const coolDown = 30_000
/** The same as long as there are no keys to work with. */
const coolDownWithoutKeys = 5_000

const none: ReadonlyMap<string, SigningKey> = new Map()

/** The keys of another service, as far as they have been fetched. */
export interface RemoteKeys {
  /** The current set; empty where it has to be fetched first. */
  readonly current: ReadonlyMap<string, SigningKey>
  /**
   * The key of this kid, undefined where the service has none. Fetches the set where it may and must.
   *
   * @throws IdentSphereError `service_unavailable` where it cannot know
   */
  find(kid: string): Promise<SigningKey | undefined>
}

export function createRemoteKeys(options: {
  fetchKeys: () => Promise<ReadonlyMap<string, SigningKey>>
  clock: Clock
  logger: Logger
}): RemoteKeys {
  const { fetchKeys, clock, logger } = options
  let keys = none
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  /** Why the last attempt failed; null where it did not. */
  let failure: { cause: unknown } | null = null
  /** The fetch under way, shared by all who wait for one. */
  let fetching: Promise<void> | undefined

  /** A clock that was set back ends every span. */
  function isWithin(milliseconds: number, since: number): boolean {
    const age = clock.now() - since
    return age >= 0 && age < milliseconds
  }

  const isCurrent = () => isWithin(maxAge, fetchedAt)
  const isUsable = () => isWithin(maxAge + maxStaleness, fetchedAt)
  const pause = () => (isUsable() ? coolDown : coolDownWithoutKeys)

  async function fetchNow(): Promise<void> {
    triedAt = clock.now()
    try {
      keys = await fetchKeys()
      fetchedAt = triedAt
      failure = null
      if (keys.size === 0) logger.warn({}, 'the key set holds no RS256 key, so no access token can be verified')
    } catch (cause) {
      failure = { cause }
      logger.warn({ err: cause }, 'the key set cannot be fetched')
    }
    fetching = undefined
  }

  function unavailable(): IdentSphereError {
    const wait = Math.ceil((triedAt + pause() - clock.now()) / 1000)
    return new IdentSphereError('service_unavailable', { retryAfterSeconds: Math.max(1, wait), cause: failure?.cause })
  }

  return {
    get current() {
      return isCurrent() ? keys : none
    },
    async find(kid) {
      if (isCurrent() && keys.has(kid)) return keys.get(kid)
      if (fetching === undefined && !isWithin(pause(), triedAt)) fetching = fetchNow()
      await fetching
      if (!isUsable()) throw unavailable()
      const key = keys.get(kid)
      // Since the last set that could be had, the service may have made this key.
      if (key === undefined && failure !== null) throw unavailable()
      return key
    },
  }
}
