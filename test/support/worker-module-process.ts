/** The module of a host that `identsphere worker` is given: mail by SMTP, other settings from the environment. */
import { createIdentSphere } from '../../lib/index.js'

export const identsphere = createIdentSphere({ worker: 'external' })
