/** Tells how long the import of one module takes in a fresh process, in milliseconds. */
import { pathToFileURL } from 'node:url'
import { loadPackage } from '../packages.js'
import { input } from './serve.js'

const { module } = await input<{ module: string }>()
const name = module.startsWith('/') ? pathToFileURL(module).href : module
const began = performance.now()
await loadPackage(name)
process.send?.({ importMs: performance.now() - began })
process.on('disconnect', () => process.exit())
