/** A node in a process of its own. Started by `startProcess()`, which sends it its options as an argument. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { buildIdentSphere } from '../../lib/identsphere.js'
import { testClock } from './clock.js'

const clock = testClock()
const identsphere = buildIdentSphere(JSON.parse(process.argv[2] ?? '{}'), { environment: process.env, clock })
const app = express()
app.use(identsphere.router())
app.all('/guarded', identsphere.requireAuth(), (request, response) => {
  response.json({ user_id: identsphere.auth(request).userId })
})

const server = createServer(app).listen(0, 'localhost', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('message', ({ seconds }: { seconds: number }) => {
  clock.advance(seconds)
  process.send?.({ advanced: seconds })
})
process.on('disconnect', () => process.exit())
