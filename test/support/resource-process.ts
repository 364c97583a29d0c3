/** Another service in a process of its own. Started by `startResourceProcess()`, which sends it its options as an argument. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import connect from 'connect'
import { buildResourceServer } from '../../lib/resource/resource-server.js'
import { testClock } from './clock.js'

const clock = testClock()
const identsphere = buildResourceServer(JSON.parse(process.argv[2] ?? '{}'), { environment: process.env, clock })
const app = connect()
app.use('/guarded', identsphere.requireAuth())
app.use('/guarded', (request, response) => {
  response.end(JSON.stringify({ user_id: identsphere.auth(request).userId }))
})

const server = createServer(app).listen(0, 'localhost', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('message', ({ seconds }: { seconds: number }) => {
  clock.advance(seconds)
  process.send?.({ advanced: seconds })
})
process.on('disconnect', () => process.exit())
