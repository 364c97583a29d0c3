/** The command line cannot be understood: exit code 2, and the help. */
export class UsageError extends Error {}
