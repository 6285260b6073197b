import { openDatabase } from '~/db/client'
import { renewEpochs } from '~/db/epochs'
import { loadConfig } from '~/utils/config'

/**
 * `bun run db:renew-epochs`: after a backup was put back, every client must reload instead of going on from a position in
 * a log that no longer exists. Uses DATABASE_URL, or the embedded database; running instances notice within a second.
 */

const database = await openDatabase(loadConfig(process.env))
console.log(`${await renewEpochs()} streams have new epochs: every client fetches its snapshot anew`)
await database.close()
