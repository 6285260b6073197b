import postgres from 'postgres'
import { everySecond } from '~/utils/ticker'

/** Counted in turns of the timer, not by the clock: a pause of this very process is not the database's silence. */
const silentTurns = 4

/**
 * Asks the database every second over a connection of its own, and calls `onSilent` when there was no answer for about
 * four seconds, and again for every four more. A peer that vanished without a word (a cut cable, a frozen machine) ends no
 * connection: whoever waits on one would wait as long as TCP tries, a quarter of an hour. A refusal is an answer.
 */
export function watchDatabase(url: string, onSilent: () => void): { stop(): Promise<void> } {
  let sql = connect(url)
  let isAsking = false
  let turns = 0
  const ask = async (asked: postgres.Sql) => {
    await asked`select 1`.catch(() => {})
    if (asked === sql) isAsking = false
  }
  const stop = everySecond(() => {
    if (!isAsking) {
      isAsking = true
      turns = 0
      return void ask(sql)
    }
    turns += 1
    if (turns < silentTurns) return
    abandon(sql)
    sql = connect(url)
    isAsking = false
    onSilent()
  })
  return {
    async stop() {
      stop()
      await sql.end({ timeout: 0 })
    },
  }
}

/** Everything that waits on it is rejected now; nobody waits for the peer's goodbye. */
export function abandon(sql: postgres.Sql): void {
  void sql.end({ timeout: 0 }).catch(() => {})
}

const connect = (url: string) =>
  postgres(url, {
    max: 1,
    connect_timeout: 30,
    backoff: () => 0.5,
    onnotice: () => {},
    fetch_types: false,
    connection: { application_name: 'zipzap-watch', statement_timeout: 3_000 },
  })
