/** Express 4 by the alias in package.json. What tests use of it has the types of Express 5. */
declare module 'express4' {
  export { default } from 'express'
}
