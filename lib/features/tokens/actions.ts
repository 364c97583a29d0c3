import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({ 'keys.revoked': {} })
