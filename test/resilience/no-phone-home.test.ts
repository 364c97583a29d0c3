import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { compiled } from '../support/compiled.js'

const run = promisify(execFile)
const trap = compiled('test/support/network-trap.ts')

/** Runs a line of code under the trap. */
function trapped(code: string): Promise<{ stdout: string }> {
  return run(process.execPath, ['--import', trap, '--input-type=module', '--eval', code])
}

test('traps this process, like every test process', () => {
  assert.equal(Socket.prototype.connect.name, 'guarded')
  assert.equal(lookup.name, 'guarded')
})

// TEST-NET-1 (RFC 5737) and `.invalid` (RFC 2606) would be unreachable without the trap too.
for (const [name, code] of Object.entries({
  'a connection': "(await import('node:net')).connect(80, '192.0.2.1')",
  'a TLS connection': "(await import('node:tls')).connect({ host: '192.0.2.1', port: 443 })",
  'an HTTP request': "(await import('node:http')).get('http://192.0.2.1/')",
  'a fetch': "await fetch('http://192.0.2.1/')",
  'a lookup': "(await import('node:dns')).lookup('nowhere.invalid', () => {})",
  'a lookup by promise': "await (await import('node:dns/promises')).lookup('nowhere.invalid')",
  'a query to a name server': "(await import('node:dns')).resolve4('nowhere.invalid', () => {})",
  'a datagram': "(await import('node:dgram')).createSocket('udp4').send('x', 53, '192.0.2.1')",
})) {
  test(`fails a process for ${name} to another host, despite a swallowed error`, async () => {
    await assert.rejects(trapped(`try { ${code} } catch {}`), /network trap/)
    await assert.rejects(trapped(`process.on('uncaughtException', () => {}); ${code}`), /network trap/)
  })
}

test('permits loopback, by address and by name', async () => {
  const { stdout } = await trapped(`
    const { createServer, get } = await import('node:http')
    const server = createServer((_, response) => response.end('here')).listen(0, async () => {
      const { port } = server.address()
      console.log(await (await fetch(\`http://localhost:\${port}\`)).text())
      get(\`http://127.0.0.1:\${port}\`, (answer) => { answer.resume(); server.close() })
    })`)
  assert.equal(stdout.trim(), 'here')
})
