import { z } from 'zod'

export const organizationSlug = z.string().regex(/^[a-z0-9-]{1,100}$/, 'must be 1 to 100 characters of a-z, 0-9 and -')
