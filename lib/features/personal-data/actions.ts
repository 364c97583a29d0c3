import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({ 'users.deleted': { event: 'user.deleted', notice: 'accountErased' } })
