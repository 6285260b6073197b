import { afterAll } from 'bun:test'
import { stopSharedServer } from './server'

// Ends what tests/support/server.ts started for the whole run.
afterAll(stopSharedServer)
