import type { IncomingMessage } from 'node:http'
import type { Logger } from '../config/logger.js'

/**
 * Compares where Express mounted the router with the path of `publicBaseUrl`, once, and says so in the log where cookie paths
 * and links would miss. A proxy may strip a prefix, so the mount only has to be the end of the public path.
 */
export function createMountCheck(mountPath: string, logger: Logger): (request: IncomingMessage) => void {
  let told = false
  return (request) => {
    const { baseUrl } = request as { baseUrl?: unknown }
    if (told || typeof baseUrl !== 'string' || mountPath.endsWith(baseUrl)) return
    told = true
    logger.warn(
      { mountedAt: baseUrl, publicPath: mountPath || '/' },
      `the router is mounted at ${baseUrl}, but the path of publicBaseUrl is ${mountPath || '/'}: set publicBaseUrl to the address browsers use, the mount included`,
    )
  }
}
