/** Why a response of an authenticator is refused. For the log; clients get one answer for every cause. */
export class Refusal extends Error {}
