import { type PGlite, protocol, types } from '@electric-sql/pglite'
import { logger } from '~/utils/logger'

/**
 * The embedded database's one connection. PGlite's own `query` parses, plans and describes a statement at every call, which
 * takes several times as long as running it; here a statement is prepared at its first call (PostgreSQL's extended query
 * protocol, https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY). A call runs to its end
 * before it returns: nothing can come between its messages.
 */

/** Each prepared text keeps memory, and PATCH bodies make many: what comes later is planned at each call. */
const maxPreparedTexts = 200
/** After so many statements it is time to look which tables have changed. */
const callsToALook = 500
/** Tables of which a third is new, or more than a few rows of a small one. */
const changedTables = `select format('%I.%I', schemaname, relname) from pg_stat_user_tables where n_mod_since_analyze > 50 + n_live_tup / 3`

type Decode = (text: string) => unknown
type Column = { name: string; decode: Decode }
type Prepared = { name: string; encoders: ((value: unknown) => string)[]; columns: Column[] }
type Reply = { command: string; rows: (string | null)[][] }

const { serialize, messages } = protocol
const executeAndSync = Buffer.concat([serialize.execute(), serialize.sync()])
const asText = (value: unknown) => String(value)
/** Times stay text, as Drizzle decodes them. */
const textTypes: number[] = [types.TIMESTAMP, types.TIMESTAMPTZ, types.DATE, types.INTERVAL]

export class EmbeddedConnection {
  private readonly prepared = new Map<string, Prepared>()
  private calls = 0
  private nextLook = callsToALook

  constructor(private readonly client: PGlite) {}

  /** The rows of one statement, as arrays in the order of its columns. Throws PostgreSQL's error. */
  rows(text: string, parameters: unknown[]): unknown[][] {
    const { columns, texts } = this.run(text, parameters)
    return texts.map((row) => columns.map(({ decode }, index) => decoded(row[index], decode)))
  }

  /** The same, as objects. */
  objects(text: string, parameters: unknown[]): Record<string, unknown>[] {
    const { columns, texts } = this.run(text, parameters)
    return texts.map((row) => Object.fromEntries(columns.map(({ name, decode }, index) => [name, decoded(row[index], decode)])))
  }

  /** Runs a command without parameters; says what was done, which for a COMMIT may be ROLLBACK. */
  command(text: string): string {
    return this.exchange(serialize.query(text)).command
  }

  /**
   * Between transactions: analyses tables that have changed, as PostgreSQL's autovacuum would, which does not run here. Without
   * it a plan for an empty table would live for ever, and a list be read and sorted whole for its first page.
   */
  tend(): void {
    if (this.calls < this.nextLook) return
    this.nextLook = this.calls + callsToALook
    try {
      this.command('select pg_stat_force_next_flush()')
      for (const [table] of this.rows(changedTables, [])) this.command(`analyze ${table}`)
    } catch (error) {
      // Whoever's turn it happens to be has nothing to do with it.
      logger.warn({ err: error }, 'the embedded database could not analyse its tables')
    }
  }

  private run(text: string, parameters: unknown[]) {
    this.calls += 1
    const { name, encoders, columns } = this.prepared.get(text) ?? this.prepare(text)
    const values = encoders.map((encode, index) => (parameters[index] == null ? null : encode(parameters[index])))
    const { rows } = this.exchange(Buffer.concat([serialize.bind({ statement: name, values }), executeAndSync]))
    return { columns, texts: rows }
  }

  private prepare(text: string): Prepared {
    const isKept = this.prepared.size < maxPreparedTexts
    const name = isKept ? `s${this.prepared.size}` : ''
    const statement: Prepared = { name, encoders: [], columns: [] }
    this.exchange(Buffer.concat([serialize.parse({ name, text }), serialize.describe({ type: 'S', name }), serialize.sync()]), (message) => {
      if (message instanceof messages.ParameterDescriptionMessage)
        statement.encoders = message.dataTypeIDs.map((type) => this.client.serializers[type] ?? asText)
      else if (message instanceof messages.RowDescriptionMessage)
        statement.columns = message.fields.map((field) => ({ name: field.name, decode: this.decoderOf(field.dataTypeID) }))
    })
    if (isKept) this.prepared.set(text, statement)
    return statement
  }

  private decoderOf(type: number): Decode {
    const parse = this.client.parsers[type]
    return parse && !textTypes.includes(type) ? (text) => parse(text, type) : asText
  }

  /** Sends messages that end with a Sync, or a simple query, and throws the first error among the answers. */
  private exchange(request: Uint8Array, describe?: (message: object) => void): Reply {
    const reply: Reply = { command: '', rows: [] }
    let failure: Error | undefined
    let isReady = false
    const parser = new protocol.Parser()
    const take = (message: object) => {
      if (message instanceof messages.DataRowMessage) reply.rows.push(message.fields)
      else if (message instanceof messages.CommandCompleteMessage) reply.command = message.text
      else if (message instanceof messages.DatabaseError) failure ??= message
      else if (message instanceof messages.ReadyForQueryMessage) isReady = true
      else describe?.(message)
    }
    // All is said before the call returns; what it hands over is PostgreSQL's own buffer, which it fills again.
    const asked = this.client.execProtocolRawStream(request, { syncToFs: false, onRawData: (bytes) => parser.parse(bytes.slice(), take) })
    asked.catch((error: unknown) => logger.error({ err: error }, 'the embedded database failed'))
    if (failure) throw failure
    if (!isReady) throw new Error('The embedded database did not answer')
    return reply
  }
}

const decoded = (text: string | null | undefined, decode: Decode) => (text == null ? null : decode(text))
