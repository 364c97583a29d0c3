/** Loaded into every test file. Writes how many seconds its process lived to the file of IDENTSPHERE_TEST_TIMES, a JSON line each. */
import { appendFileSync } from 'node:fs'

const target = process.env.IDENTSPHERE_TEST_TIMES
const file = process.argv[1]
// Processes that a test starts inherit the flag that loads this.
const isTestFile = process.env.NODE_TEST_CONTEXT !== undefined && file?.endsWith('.test.js')

if (target !== undefined && isTestFile) {
  process.on('exit', () => {
    appendFileSync(target, `${JSON.stringify({ file, seconds: performance.now() / 1000 })}\n`)
  })
}
