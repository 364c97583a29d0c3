/** IdentSphere that mails, to nobody, and makes accounts after the proof of an address. */
import express from 'express'
import { createIdentSphere } from '../../lib/index.js'
import { publicBaseUrl, type Seed } from '../seed.js'
import { input, serve } from './serve.js'

const { databaseUrl, privateKey, secret } = await input<Seed>()
const identsphere = createIdentSphere({
  database: databaseUrl,
  publicBaseUrl,
  development: false,
  signingKeys: [{ privateKey }],
  secrets: [{ version: 1, value: secret }],
  mailer: { from: 'no-reply@bench.example.com', sendMail: () => {} },
  registration: { verification: 'first', organization: 'none' },
})
await identsphere.ready()
await serve(express().use(identsphere.router()))
