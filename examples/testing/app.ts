/** Creates the application. It is a function, so that `app.test.ts` can pass an IdentSphere for tests. */
import express, { type Express } from 'express'
import type { IdentSphere } from '../../lib/index.js' // in your application: from 'identsphere'

export function createApp(identsphere: IdentSphere): Express {
  const app = express()
  app.use(identsphere.router())

  const projects: Array<{ name: string; organizationId: string | null }> = []

  app.get('/projects', identsphere.requireAuth(), (req, res) => {
    const { organizationId } = identsphere.auth(req)
    res.json(projects.filter((project) => project.organizationId === organizationId))
  })

  app.post('/projects', identsphere.requireRole('admin', 'member'), express.json(), (req, res) => {
    const project = { name: String(req.body?.name), organizationId: identsphere.auth(req).organizationId }
    projects.push(project)
    res.status(201).json(project)
  })

  app.post('/payouts', identsphere.requireRole('billing'), identsphere.requireRecentMfa(), (_req, res) => {
    res.status(202).end()
  })

  return app
}
