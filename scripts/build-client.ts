/** The last step of `npm run build`: the file that `GET /v1/client.js` serves. */
import { writeFile } from 'node:fs/promises'
import { bundleClient } from '../lib/features/pages/bundle-client.js'

await writeFile(new URL('../dist/lib/features/pages/client.js', import.meta.url), await bundleClient())
