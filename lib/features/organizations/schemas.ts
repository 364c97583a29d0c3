import { z } from 'zod'

export const organizationSlug = z.string().regex(/^[a-z0-9-]{1,100}$/, 'may hold a-z, 0-9 and - only')
