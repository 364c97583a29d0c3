import { defineActions } from '../../core/journal/actions.js'

export const actions = defineActions({ 'auth.register': { event: 'user.registered', hook: 'onRegister' } })
