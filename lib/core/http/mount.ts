import type { IncomingMessage } from 'node:http'
import type { Logger } from '../config/logger.js'

/**
 * Compares where the host mounted the router with the path of `publicBaseUrl`, once, and says so in the log where cookie paths
 * and links would miss. A proxy may strip a prefix, so the mount only has to be the end of the public path.
 */
export function createMountCheck(mountPath: string, logger: Logger): (request: IncomingMessage) => void {
  let told = false
  return (request) => {
    if (told) return
    const mountedAt = mountOf(request)
    if (mountPath.endsWith(mountedAt)) return
    told = true
    logger.warn(
      { mountedAt, publicPath: mountPath || '/' },
      `the router is mounted at ${mountedAt}, but the path of publicBaseUrl is ${mountPath || '/'}: set publicBaseUrl to the address browsers use, the mount included`,
    )
  }
}

/** What Express and Connect took off the front of `req.url`; nothing on bare `node:http`. */
export function mountOf(request: IncomingMessage): string {
  const { originalUrl } = request as { originalUrl?: unknown }
  const { url } = request
  if (typeof originalUrl !== 'string' || url === undefined || !originalUrl.endsWith(url)) return ''
  return originalUrl.slice(0, originalUrl.length - url.length)
}
