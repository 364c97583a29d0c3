/** What `npx knex` reads: it makes Node load TypeScript, then hands on `knexfile.ts`. */
import { register } from 'tsx/esm/api'

register()
export default (await import('./knexfile.ts')).default
