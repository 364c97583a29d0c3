/** Runs the migrations on the database that its argument names, and ends by itself. */
import { createIdentSphere } from '../../lib/identsphere.js'

const identsphere = createIdentSphere({ database: process.argv[2] ?? '', development: true })
await identsphere.migrate()
await identsphere.close()
