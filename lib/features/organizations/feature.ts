import { defineFeature } from '../../core/feature.js'
import { users } from '../users/feature.js'
import { securityChanged } from '../users/security-change.js'
import { actions } from './actions.js'
import { organizationsApi } from './api.js'
import { roleGuards } from './guards.js'
import { options } from './options.js'
import { organizationPersonalData } from './personal-data.js'
import { createRoleMatrix } from './roles.js'
import { createOrganizations, type Organizations } from './service.js'

/** Organizations, memberships, roles and permissions. */
export const organizations = defineFeature<
  Organizations,
  { users: typeof users },
  { rbac: Readonly<Record<string, readonly string[]>> | null }
>({
  name: 'organizations',
  tables: ['organizations', 'organization_memberships'],
  reads: ['users'],
  needs: { users },
  actions,
  options,
  open({ journal, hostCalls: calls }, services, { rbac }) {
    const matrix = createRoleMatrix(rbac)
    const service = createOrganizations({ journal, users: services.users, matrix })
    return {
      service,
      guards: roleGuards(matrix),
      api: { organizations: organizationsApi({ calls, organizations: service }) },
      personalData: organizationPersonalData,
      contributes: [
        securityChanged.of(async (tx, { cause, consequences, userId }) => {
          // `personal-data.ts` handles an erasure, because it first checks whether the user may leave.
          if (consequences.memberships === 'leave' && cause !== 'erased') await service.leaveAll(tx, userId)
        }),
      ],
    }
  },
})
