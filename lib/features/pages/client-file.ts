import { readFile } from 'node:fs/promises'
import { sha256 } from '../../core/crypto/digest.js'

/** A file with its version for caches. */
interface ServedFile {
  readonly text: string
  readonly etag: string
}

/** Reads the browser client at the first request. In the repository there is no such file, so it is bundled. */
export function createClientFile(): () => Promise<ServedFile> {
  let file: Promise<ServedFile> | undefined

  async function load(): Promise<ServedFile> {
    const text = await readFile(new URL('./client.js', import.meta.url), 'utf8').catch(async (error) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      const { bundleClient } = await import('./bundle-client.js')
      return bundleClient()
    })
    return { text, etag: `"${sha256(text).toString('base64url')}"` }
  }

  return () => {
    file ??= load().catch((error) => {
      file = undefined // retry with the next request
      throw error
    })
    return file
  }
}
