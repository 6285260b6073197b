import postgres from 'postgres'
import { databaseOver, type IsPrepared, rowsAsked } from '~/db/prepared'
import type { Database } from '~/db/session'
import { everySecond } from '~/utils/ticker'

/** Counted in turns of the timer, not by the clock: a pause of this very process is not the database's silence. */
const silentTurns = 4

type Watched = {
  isPrepared: IsPrepared
  /** Gets the connection, and another when it is replaced. */
  use(observer: Database): void
  onSilent(): void
}

/**
 * Keeps a connection for what is asked every second, and asks it something itself in a second without a question. Calls
 * `onSilent` when there was no answer for about four seconds, and again for every four more. A peer that vanished without a
 * word (a cut cable, a frozen machine) ends no connection: whoever waits on one would wait as long as TCP tries, a quarter
 * of an hour. A refusal is an answer.
 */
export function watchDatabase(url: string, { isPrepared, use, onSilent }: Watched): { stop(): Promise<void> } {
  const open = () => {
    const observer = new Observer(url, isPrepared)
    use(observer.database)
    return observer
  }
  let observer = open()
  const stop = everySecond(() => {
    if (observer.turn() < silentTurns) return
    abandon(observer.sql)
    observer = open()
    onSilent()
  })
  return {
    async stop() {
      stop()
      await observer.sql.end({ timeout: 0 })
    },
  }
}

class Observer {
  readonly sql: postgres.Sql
  readonly database: Database
  private waiting = 0
  private hasAnswered = false
  private silentFor = 0

  constructor(url: string, isPrepared: IsPrepared) {
    this.sql = connect(url)
    this.database = databaseOver(this.sql, isPrepared, (ask) => ({ run: (text, parameters) => this.count(rowsAsked(ask(text, parameters))) }))
  }

  /** Answers for how many turns there has been a question and no answer. */
  turn(): number {
    const { hasAnswered } = this
    this.hasAnswered = false
    if (hasAnswered) this.silentFor = 0
    if (this.waiting > 0) this.silentFor += 1
    else if (!hasAnswered) this.count(this.sql`select 1`.execute()).catch(() => {})
    return this.silentFor
  }

  private async count<T>(asking: PromiseLike<T>): Promise<T> {
    this.waiting += 1
    try {
      return await asking
    } finally {
      this.waiting -= 1
      this.hasAnswered = true
    }
  }
}

/** Everything that waits on it is rejected now; nobody waits for the peer's goodbye. */
export function abandon(sql: postgres.Sql): void {
  void sql.end({ timeout: 0 }).catch(() => {})
}

/** A question that waits for a lock is refused, which is an answer, well before it is taken for silence. */
const connect = (url: string) =>
  postgres(url, {
    max: 1,
    connect_timeout: 30,
    backoff: () => 0.5,
    onnotice: () => {},
    fetch_types: false,
    connection: { application_name: 'zipzap-watch', statement_timeout: 2_000 },
  })
