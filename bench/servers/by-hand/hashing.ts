import { availableParallelism } from 'node:os'
import { argon2id, hash, verify } from 'argon2'

/** Argon2id with IdentSphere's parameters. As many hashes run at once as there are processors. */
export const hashPassword = (password: string) =>
  limited(() => hash(password, { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }))

export const verifyPassword = (stored: string, password: string) => limited(() => verify(stored, password))

let running = 0
const waiting: (() => void)[] = []

async function limited<T>(work: () => Promise<T>): Promise<T> {
  if (running >= availableParallelism()) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}
