import type { Installed } from './cases/install.js'
import type { Soaked } from './cases/soak.js'
import type { Started } from './cases/start.js'
import type { Measured } from './measure.js'

/** Everything that one run found. */
export interface Results {
  /** Date, machine and versions. */
  machine: string[]
  /** Major versions of Node, in the order in which they ran. */
  nodes: string[]
  /** How often and how long each measurement ran. */
  repetitions: number
  seconds: number
  measured: Measured[]
  started: Started[]
  enumeration: string[]
  installed: Installed[]
  soaked: Soaked[]
  /** Cases that failed, and why. */
  failures: string[]
}
