import { readFile } from 'node:fs/promises'
import { sha256 } from '../../core/crypto/digest.js'

/** A file as it is served, with what tells one version from another. */
interface ServedFile {
  readonly text: string
  readonly etag: string
}

/** Reads the browser client once, when it is first asked for. From source there is no such file, and it is made. */
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
      file = undefined // the next request tries again
      throw error
    })
    return file
  }
}
