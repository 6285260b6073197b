import { ZipZapClient } from '~/ui/client/client'
import { RestClient } from '~/ui/client/rest'

/**
 * A process of its own for the core client, in Node: prints where it runs, its states, and the events of a store. When
 * its input ends it stops the client, and nothing keeps the process.
 */

const [baseUrl = '', url = '', token = '', storeId = ''] = process.argv.slice(2)
const rest = new RestClient({ baseUrl, getToken: () => token })
const client = new ZipZapClient({
  url,
  identify: () => rest.identify(storeId),
  fetchSnapshot: rest.fetchSnapshot,
  reconnectIntervalMs: 20,
  logger: {},
})

let state = ''
client.subscribe(() => {
  if (client.getSnapshot().state === state) return
  state = client.getSnapshot().state
  console.log(state)
})
client.on('*', (frame) => 'seq' in frame && console.log(`${frame.type} ${frame.seq}`))
console.log(`${process.release.name} ${process.version}, ${typeof document}`)
process.stdin.on('end', () => client.stop()).resume()
client.start()
