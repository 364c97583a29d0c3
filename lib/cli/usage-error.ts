/** An invalid command line. It shows the help, and the exit code is 2. */
export class UsageError extends Error {}
