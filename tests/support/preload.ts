import { afterAll, setDefaultTimeout } from 'bun:test'
import { stopSharedServer } from './server'

// Ends what tests/support/server.ts started for the whole run.
afterAll(stopSharedServer)

// Holds for the first file of a run, which waits for the database's first start; `bun run test` sets it for all.
setDefaultTimeout(20_000)
