/** Why the response of an authenticator was refused. For the log only: clients get the same answer for all causes. */
export class Refusal extends Error {}
