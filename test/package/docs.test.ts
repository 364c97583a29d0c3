/** Tables that derive from the code are up to date. `npm run docs` writes them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { describe, it } from 'node:test'
import { documents, fixedDefaults, optionsTable, withTables } from '../../scripts/docs.js'
import { root } from '../support/compiled.js'
import { columnsOf } from './markdown.js'

describe('the derived tables', () => {
  for (const file of documents) {
    it(`of ${relative(root, file)} are what npm run docs would write`, () => {
      const text = readFileSync(file, 'utf8')
      assert.match(text, /<!-- table: \w+ -->/)
      assert.equal(text, withTables(text))
    })
  }

  it('give each option a meaning and a default', () => {
    const rows = columnsOf(optionsTable().split('\n').slice(2))
    assert.ok(rows.length > 40)
    for (const [option, , defaultText = '', meaning = ''] of rows) {
      assert.ok(meaning.length > 3 || option === '`hooks`', option)
      assert.notEqual(defaultText, '', option)
    }
  })

  it('show each fixed default that the TSDoc names', () => {
    const documented = new Map(
      columnsOf(optionsTable().split('\n').slice(2)).map(([option = '', , text = '']) => [option, text]),
    )
    const defaults = fixedDefaults()
    assert.ok(defaults.size >= 15)
    for (const [option, value] of defaults) {
      const text = documented.get(`\`${option}\``) ?? ''
      const expected =
        Array.isArray(value) || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)
          ? /none|English mails|HS256/
          : typeof value === 'object'
            ? /^19456 KiB, 2 passes, parallelism 1$/
            : new RegExp(`^\`${value}\``)
      assert.match(text, expected, option)
    }
  })
})
