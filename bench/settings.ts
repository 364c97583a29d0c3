/** Where browsers would see the product that is measured. Nothing is sent there. */
export const publicBaseUrl = 'https://bench.example.com'

/** The password of every account that is made. */
export const password = 'correct-horse-battery-7'

/** Rows of users and of sessions in every table that a guard reads. */
export const tableRows = 50_000

/** Sessions whose cookies are sent. */
export const usedSessions = 300

/** Accounts that sign in. */
export const loginUsers = 500
