import type { Auth } from '../auth.js'
import { noRequest, type RequestContext } from '../context.js'
import type { JournalFacts } from './journal.js'

type Details = Omit<JournalFacts, 'actorId' | 'impersonatorId' | 'context'>

/** Facts of what a signed-in user does. If a platform admin acts as the user, both ids are in them. */
export function factsOf(auth: Auth, context: RequestContext, details: Details = {}): JournalFacts {
  return {
    actorId: auth.userId,
    impersonatorId: auth.impersonatorId,
    organizationId: auth.organizationId,
    context,
    ...details,
  }
}

/** Facts of what a user does who has no session yet, or whose session does not matter: a sign-in, a mailed link. */
export function factsOfUser(userId: string, context: RequestContext, details: Details = {}): JournalFacts {
  return { actorId: userId, resource: { type: 'user', id: userId }, context, ...details }
}

/** Facts of what the host's own code does to a user. */
export function factsOfHost(userId: string, details: Details = {}): JournalFacts {
  return {
    actorId: null,
    subjectId: userId,
    resource: { type: 'user', id: userId },
    context: noRequest(),
    ...details,
  }
}
