import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientNetwork } from '../../../lib/core/net/client-network.js'

const octet = fc.nat(255)
const group = fc.nat(0xffff).map((value) => value.toString(16))

test('counts an IPv4 address as its /24', () => {
  fc.assert(
    fc.property(octet, octet, octet, octet, (a, b, c, d) => {
      assert.equal(clientNetwork(`${a}.${b}.${c}.${d}`), `${a}.${b}.${c}.0/24`)
    }),
  )
})

/** @see CVE-2026-45364, better-auth */
test('counts an IPv6 /64 as one network, and the next as another', () => {
  const half = fc.array(group, { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(half, half, half, (network, host, otherHost) => {
      const at = (tail: string[]) => clientNetwork([...network, ...tail].join(':'))
      fc.pre(network.join(':') !== '0:0:0:0' && network.join(':') !== '64:ff9b:0:0')
      assert.equal(at(host), at(otherHost))
      assert.match(at(host), /\/64$/)
    }),
  )
  assert.notEqual(clientNetwork('2001:db8:0:1::1'), clientNetwork('2001:db8:0:2::1'))
})

/** @see CVE-2026-30827, express-rate-limit */
test('counts an IPv4-mapped IPv6 address as that IPv4 address', () => {
  fc.assert(
    fc.property(octet, octet, octet, octet, (a, b, c, d) => {
      const plain = clientNetwork(`${a}.${b}.${c}.${d}`)
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
      for (const spelling of [
        `::ffff:${a}.${b}.${c}.${d}`,
        `::FFFF:${hex}`,
        `0:0:0:0:0:ffff:${hex}`,
        `0000:0000:0000:0000:0000:ffff:${a}.${b}.${c}.${d}`,
        `64:ff9b::${hex}`,
      ]) {
        assert.equal(clientNetwork(spelling), plain, spelling)
      }
    }),
  )
  assert.notEqual(clientNetwork('::ffff:1.2.3.4'), clientNetwork('::ffff:5.6.7.8'))
})

test('counts every notation of an IPv6 address as one network', () => {
  for (const spelling of ['2001:db8::1', '2001:0DB8:0:0::1', '2001:db8:0:0:0:0:0:1', '2001:DB8::0.0.0.1']) {
    assert.equal(clientNetwork(spelling), '2001:db8:0:0::/64', spelling)
  }
  assert.equal(clientNetwork('::1'), '0:0:0:0::/64')
  assert.equal(clientNetwork('1::'), '1:0:0:0::/64')
})

test('ignores zone ids', () => {
  assert.equal(clientNetwork('fe80::1%eth0'), clientNetwork('fe80::1'))
  assert.equal(clientNetwork('::ffff:1.2.3.4%lo'), clientNetwork('1.2.3.4'))
})

test('counts absent and invalid addresses as one network', () => {
  for (const address of [
    undefined,
    '',
    ' ',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4:80',
    '[::1]',
    ':::',
    'localhost',
    '%',
    '1%2',
  ]) {
    assert.equal(clientNetwork(address), 'unknown', String(address))
  }
  fc.assert(fc.property(fc.string(), (text) => typeof clientNetwork(text) === 'string'))
})
