import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dictionary } from '@zxcvbn-ts/language-common'
import { toBuffer } from 'qrcode'
import { bundlePackage } from '../../scripts/bundled.js'

/** The bundle of a package as a module. */
async function load(name: string) {
  // A data: URL has no folder from which require() could start.
  const text = (await bundlePackage(name)).replace('import.meta.url', JSON.stringify(import.meta.url))
  return import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)
}

describe('a bundled package', () => {
  it('has every common password', async () => {
    const bundled = await load('@zxcvbn-ts/language-common')
    assert.deepEqual(bundled.dictionary['passwords-common'], [...dictionary['passwords-common']].sort())
  })

  it('draws the same QR codes as the original', async () => {
    const bundled = await load('qrcode')
    const url = 'otpauth://totp/Example:ada%40example.com?secret=GEZDGNBVGY3TQOJQ'
    const options = { type: 'png', errorCorrectionLevel: 'M', margin: 2 } as const
    assert.deepEqual(await bundled.toBuffer(url, options), await toBuffer(url, options))
  })

  it('checks values', async () => {
    const { z } = await load('zod')
    const schema = z.strictObject({ id: z.uuid(), at: z.iso.datetime() })
    const value = { id: '01890a5d-ac96-774b-bcce-b302099a8057', at: '2026-01-01T00:00:00Z' }
    assert.deepEqual(schema.parse(value), value)
    const { error } = schema.safeParse({ id: 7, other: true })
    assert.deepEqual(error.issues.map(({ code }: { code: string }) => code).sort(), [
      'invalid_type',
      'invalid_type',
      'unrecognized_keys',
    ])
  })

  it('is refused if the build does not know it', async () => {
    await assert.rejects(bundlePackage('express'), /express is not bundled/)
  })
})
