import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({ 'auth.password_reset.consumed': {} })
