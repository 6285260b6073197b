import type postgres from 'postgres'
import { type Ask, databaseOver, type IsPrepared, rowsAsked } from '~/db/prepared'
import { faultAhead, type Runner, type Transaction } from '~/db/session'
import { abandon } from '~/db/watch'

/** One connection with a client of its own, which ends with it: a statement can never reach another connection. */
type Line = { sql: postgres.Sql; reserved: postgres.ReservedSql; tx: Transaction; isClosed: boolean }

/** The transaction that is open on the line. */
type Open = {
  sent: Promise<unknown>[]
  hasFailed: boolean
  commit: Promise<postgres.RowList<postgres.Row[]>> | null
  lost: PromiseWithResolvers<never>
}

/** BEGIN and COMMIT are prepared like all else, so that they can travel in one group with it. */
const framing = { prepare: true, simple: false }

/** Resolves when the connection of the transaction is lost. */
const wasLost = (open: Open): Promise<undefined> => open.lost.promise.catch(() => undefined)

const connectionLost = () => Object.assign(new Error('The connection to the database was lost'), { code: 'CONNECTION_CLOSED' })

/**
 * Carries one transaction at a time on a connection of its own. Unlike the driver's `begin`, BEGIN travels with the first
 * statement and COMMIT with the last, and when the connection is lost no later statement of the transaction runs on the
 * next one, where it would be committed alone.
 */
export class Writer {
  private line: Line | null = null
  /** The connection that is being opened. */
  private drawing: postgres.Sql | null = null
  private open: Open | null = null

  constructor(
    private readonly connect: (onClose: () => void) => postgres.Sql,
    private readonly isPrepared: IsPrepared,
  ) {}

  async transact<T>(mode: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const line = this.line ?? (await this.draw())
    const open: Open = { sent: [], hasFailed: false, commit: null, lost: Promise.withResolvers() }
    open.lost.promise.catch(() => {})
    this.open = open
    try {
      this.sendAhead(open, line.reserved.unsafe(mode ? `begin ${mode}` : 'begin', [], { ...framing, sync: false }))
      return await Promise.race([this.perform(line, open, work), open.lost.promise])
    } catch (error) {
      await this.rollBack(line, open)
      throw (await Promise.race([faultAhead(open.sent), wasLost(open)])) ?? error
    } finally {
      this.open = null
    }
  }

  private async perform<T>(line: Line, open: Open, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const result = await work(line.tx)
    const commit = open.commit ?? this.sendCommit(line, open)
    await Promise.all(open.sent)
    const { command } = await commit
    if (command !== 'COMMIT') throw new Error(`The transaction ended with ${command}`)
    return result
  }

  private sendCommit(line: Line, open: Open) {
    open.commit = line.reserved.unsafe('commit', [], framing).execute()
    open.commit.catch(() => {})
    return open.commit
  }

  private sendAhead(open: Open, sending: Promise<unknown>): void {
    sending.catch(() => {
      open.hasFailed = true
    })
    open.sent.push(sending)
  }

  private async rollBack(line: Line, open: Open): Promise<void> {
    if (line.isClosed) return
    const roll = () => line.reserved.unsafe('rollback')
    // A COMMIT that failed with what went ahead of it has ended nothing.
    const end = open.commit ? open.commit.catch(roll) : roll()
    await Promise.race([end, open.lost.promise]).catch(() => {})
  }

  /** Throws what the driver says when there is no connection to be had. */
  private async draw(): Promise<Line> {
    const sql = this.connect(() => this.lose(sql))
    this.drawing = sql
    try {
      // Only an open connection can be reserved without a trace when it fails.
      await sql`select 1`
      const reserved = await sql.reserve()
      const tx = databaseOver({ unsafe: this.guarded(reserved), options: sql.options }, this.isPrepared, (ask) => this.runnerOver(ask))
      this.line = { sql, reserved, tx, isClosed: false }
      return this.line
    } catch (error) {
      abandon(sql)
      throw error
    } finally {
      this.drawing = null
    }
  }

  /** Refuses statements of a transaction that has lost its connection, or never began: they would be committed alone. */
  private guarded(reserved: postgres.ReservedSql): postgres.Sql['unsafe'] {
    return (text, parameters, options) => {
      if (this.line?.reserved !== reserved || !this.open || this.open.hasFailed) throw connectionLost()
      return reserved.unsafe(text, parameters, options)
    }
  }

  private runnerOver(ask: Ask): Runner {
    const run: Runner['run'] = async (text, parameters) => rowsAsked(ask(text, parameters))
    return {
      run,
      within: {
        runLast: async (text, parameters) => {
          const asked = rowsAsked(ask(text, parameters, 'ahead'))
          const { line, open } = this
          if (line && open) this.sendCommit(line, open)
          const [rows] = await Promise.all([asked, open?.commit])
          return rows
        },
        send: (text, parameters) => {
          if (this.open) this.sendAhead(this.open, ask(text, parameters, 'ahead').execute())
        },
      },
    }
  }

  private lose(sql: postgres.Sql): void {
    if (this.line?.sql !== sql) return
    this.line.isClosed = true
    this.line = null
    this.open?.lost.reject(connectionLost())
    abandon(sql)
  }

  abandon(): void {
    if (this.drawing) abandon(this.drawing)
    if (this.line) this.lose(this.line.sql)
  }

  async close(): Promise<void> {
    const line = this.line
    this.line = null
    line?.reserved.release()
    await line?.sql.end({ timeout: 5 })
  }
}
