import postgres from 'postgres'
import { type Channel, PeerRelay } from '~/realtime/relay/peers'
import type { Relay, RelayListener } from '~/realtime/relay/relay'

const channelName = 'zipzap_relay'
/** NOTIFY takes payloads shorter than 8,000 bytes (PostgreSQL's documentation of NOTIFY). */
const maxPayloadLength = 7_800

/**
 * LISTEN/NOTIFY, on connections of its own and never inside a write's transaction: commits with NOTIFY wait for each
 * other on a lock of the whole cluster.
 */
export async function openPostgresRelay(databaseUrl: string, listener: RelayListener): Promise<Relay> {
  let relay: PeerRelay | undefined
  let sql = connect(databaseUrl)
  const listen = () =>
    sql.listen(
      channelName,
      (payload) => relay?.hear(payload),
      () => relay && listener.onGap(),
    )
  await listen()
  const channel: Channel = {
    async publish(payload) {
      await sql`select pg_notify(${channelName}, ${payload})`
    },
    async reopen() {
      const old = sql
      sql = connect(databaseUrl)
      // The old connection may hang for as long as its peer does: nobody waits for it.
      void old.end({ timeout: 0 }).catch(() => {})
      await listen()
    },
    close: () => sql.end({ timeout: 2 }),
  }
  relay = new PeerRelay(channel, maxPayloadLength, listener)
  return relay
}

const connect = (url: string) =>
  postgres(url, {
    max: 1,
    connect_timeout: 3,
    backoff: (attempt: number) => Math.min(0.1 * 2 ** attempt, 0.5),
    onnotice: () => {},
    fetch_types: false,
    connection: { application_name: 'zipzap-relay', statement_timeout: 3_000 },
  })
