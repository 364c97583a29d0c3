import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { plainAddress } from '../../../lib/core/net/client-address.js'
import { clientNetwork } from '../../../lib/core/net/client-network.js'

describe('the recorded client address', () => {
  const octet = fc.nat(255)

  it('is IPv4 if the socket wrote it as IPv6, in any notation', () => {
    fc.assert(
      fc.property(octet, octet, octet, octet, (a, b, c, d) => {
        const plain = `${a}.${b}.${c}.${d}`
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        for (const spelling of [`::ffff:${plain}`, `::FFFF:${hex}`, `0:0:0:0:0:ffff:${plain}`, plain]) {
          assert.equal(plainAddress(spelling), plain, spelling)
        }
      }),
    )
  })

  it('is otherwise unchanged', () => {
    for (const address of [
      '::1',
      '2001:db8::ffff:1.2.3.4',
      '::ffff:0:1.2.3.4',
      '64:ff9b::1.2.3.4',
      'fe80::1%eth0',
      '',
      'x',
    ]) {
      assert.equal(plainAddress(address), address)
    }
  })

  it('belongs to the same network as the address of the socket', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV6(),
          fc.ipV4(),
          fc.ipV4().map((address) => `::ffff:${address}`),
        ),
        (address) => {
          assert.equal(clientNetwork(plainAddress(address)), clientNetwork(address))
        },
      ),
    )
  })
})
