import type { Auth } from '../auth.js'
import { noRequest, type RequestContext } from '../context.js'
import type { JournalFacts } from './journal.js'

type Details = Omit<JournalFacts, 'actorId' | 'impersonatorId' | 'context'>

/** Facts for an act of a signed-in user. If a platform admin acts as the user, they contain both ids. */
export function factsOf(auth: Auth, context: RequestContext, details: Details = {}): JournalFacts {
  return {
    actorId: auth.userId,
    impersonatorId: auth.impersonatorId,
    organizationId: auth.organizationId,
    context,
    ...details,
  }
}

/** Facts for an act of a user without a session, e.g. a sign-in or a mailed link. */
export function factsOfUser(userId: string, context: RequestContext, details: Details = {}): JournalFacts {
  return { actorId: userId, resource: { type: 'user', id: userId }, context, ...details }
}

/** Facts for an act of the host's own code that concerns a user. */
export function factsOfHost(userId: string, details: Details = {}): JournalFacts {
  return {
    actorId: null,
    subjectId: userId,
    resource: { type: 'user', id: userId },
    context: noRequest(),
    ...details,
  }
}
