/** The Argon2 library alone, with the parameters of IdentSphere and as many at once as there are cores. */
import { availableParallelism } from 'node:os'
import { verify } from 'argon2'
import { argon2Minimum, hashArgon2id } from '../../lib/features/passwords/schemes/argon2id.js'
import { password } from '../seed.js'
import { input } from './serve.js'

const { seconds } = await input<{ seconds: number }>()
const stored = await hashArgon2id(password, argon2Minimum)
let verified = 0
const began = performance.now()

async function verifyAgainAndAgain(): Promise<void> {
  while (performance.now() - began < seconds * 1000) {
    await verify(stored, password)
    verified += 1
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, verifyAgainAndAgain))
process.send?.({ url: '', verificationsPerSecond: verified / ((performance.now() - began) / 1000) })
process.on('disconnect', () => process.exit())
