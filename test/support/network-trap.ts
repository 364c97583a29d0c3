/**
 * Loaded into every test process: whoever connects to another machine, or asks a name server for one, gets an error, and the
 * process fails at its end even where somebody swallowed that error. IdentSphere opens no connection that the host did not
 * configure, and every host in the tests lives on loopback.
 */
import dgram from 'node:dgram'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP, Socket } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Names that the resolver answers by itself, what means every address of this machine, and those addresses. */
const ownNames = new Set(['localhost', '0.0.0.0', '::', ''])
for (const { address } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) ownNames.add(address)

export function isThisMachine(host: string): boolean {
  const bare = host.replace(/^::ffff:/i, '')
  if (isIP(bare) === 4 && bare.startsWith('127.')) return true
  return bare === '::1' || ownNames.has(bare.toLowerCase()) || /\.localhost$/i.test(bare)
}

const caught: string[] = []

function refuse(what: string): never {
  const error = new Error(`network trap: ${what}`)
  caught.push(error.stack ?? error.message)
  throw error
}

/** The first argument of `connect()`: a port, a path or options, or the list that `net.connect()` makes of them. */
function hostOf(parameters: readonly unknown[]): string {
  const [first, second] = Array.isArray(parameters[0]) ? parameters[0] : parameters
  if (typeof first === 'object' && first !== null) {
    const { path, host } = first as { path?: string | null; host?: string }
    return path ? 'localhost' : (host ?? 'localhost')
  }
  return typeof second === 'string' ? second : 'localhost'
}

type Method = (this: unknown, ...parameters: unknown[]) => unknown

/** Puts a check in front of a method of a module or a prototype. */
function guard(owner: object, name: string, check: (parameters: readonly unknown[]) => void): void {
  const methods = owner as Record<string, Method>
  const original = methods[name]
  if (original === undefined) return
  methods[name] = function guarded(...parameters) {
    check(parameters)
    return original.apply(this, parameters)
  }
}

guard(Socket.prototype, 'connect', (parameters) => {
  const host = hostOf(parameters)
  if (!isThisMachine(host)) refuse(`connect to ${host}`)
})
for (const name of ['send', 'connect']) {
  guard(dgram.Socket.prototype, name, (parameters) => {
    const host = parameters.slice(1).find((parameter) => typeof parameter === 'string')
    if (typeof host === 'string' && !isThisMachine(host)) refuse(`datagram to ${host}`)
  })
}
for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  for (const name of Object.keys(Object.getOwnPropertyDescriptors(owner))) {
    if (!/^(lookup|resolve|reverse)/.test(name)) continue
    guard(owner, name, ([host]) => {
      if (isIP(String(host)) === 0 && !isThisMachine(String(host))) refuse(`look-up of ${host}`)
    })
  }
}

syncBuiltinESMExports()

process.on('exit', () => {
  if (caught.length === 0) return
  process.exitCode = 1
  console.error(caught.join('\n'))
})
