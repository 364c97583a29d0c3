export type { TestClock } from './clock.js'
export type { TestMail } from './mail.js'
export type { SignedIn, SignInAs } from './signed-in.js'
export { createTestIdentSphere, type TestIdentSphere } from './testing.js'
