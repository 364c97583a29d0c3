/**
 * A test process of a host's, without a database of its own: says which one it was given, and closes when it is told to. Started
 * by `startTester()`.
 */
import { createTestIdentSphere } from '../../lib/testing/index.js'

const identsphere = await createTestIdentSphere()
const { user } = await identsphere.signedIn()
process.send?.({ databaseUrl: identsphere.databaseUrl, userId: user.userId })
process.on('message', async () => {
  await identsphere.close()
  process.disconnect()
})
