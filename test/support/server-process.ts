/** A node in a process of its own. Started by `startProcess()`, which sends it its options as an argument. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { IdentSphereOptions } from '../../lib/features.js'
import { buildIdentSphere } from '../../lib/identsphere.js'
import { testClock } from './clock.js'
import { buildHost, hostOfThisRun } from './host.js'

const clock = testClock()
const options = JSON.parse(process.argv[2] ?? '{}') as IdentSphereOptions
const identsphere = buildIdentSphere(options, { environment: process.env, clock })
const mount = new URL(options.publicBaseUrl ?? '').pathname.replace(/\/$/, '')
const host = buildHost(
  { ...hostOfThisRun, mount },
  {
    router: identsphere.router(),
    routes(app) {
      app.all('/guarded', identsphere.requireAuth(), (request, response) => {
        response.json({ user_id: identsphere.auth(request).userId })
      })
    },
    routesAt: mount,
  },
)

const server = createServer(host).listen(0, 'localhost', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('message', ({ seconds }: { seconds: number }) => {
  clock.advance(seconds)
  process.send?.({ advanced: seconds })
})
process.on('disconnect', () => process.exit())
