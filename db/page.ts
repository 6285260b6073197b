import { createHmac, timingSafeEqual } from 'node:crypto'
import { and, type InferSelectModel, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { db } from '~/db/client'
import type { Transaction } from '~/db/session'
import { columnList, type Decoder, rowDecoder, runBuilt } from '~/db/statement'
import { isId, timestamp } from '~/utils/contracts/common'
import type { StreamName } from '~/utils/contracts/logged-event'
import { badRequest } from '~/utils/errors'

/** Keyset pages, newest first, each read in one snapshot with the position of its stream. */

type Listed = PgTable & { createdAt: PgColumn } & ({ id: PgColumn } | { userId: PgColumn })

type PageRequest = {
  /** The stream whose position the page answers; null for lists that belong to no stream. */
  stream: StreamName | null
  where: (SQL | undefined)[]
  /** Binds the cursor: a cursor of another store or other filters is refused. */
  scope: string
  limit: number
  cursor?: string | undefined
}

export type Page<Row> = { rows: Row[]; nextCursor: string | null; position: string | null }

/** Reads a page of `table`. Throws 400 `invalid_cursor`. */
export async function readPage<T extends Listed>(table: T, request: PageRequest): Promise<Page<InferSelectModel<T>>> {
  const { width, decode } = formOf(table)
  const found = await runBuilt(db, pageQuery(table, request))
  const position = (found[0]?.[width] ?? null) as string | null
  const rows = found.flatMap((values) => (values[0] === null ? [] : (decode(values) as InferSelectModel<T> & Keyed)))
  const last = rows[request.limit - 1]
  const nextCursor =
    rows.length > request.limit && last ? encodeCursor({ createdAt: last.createdAt.toISOString(), id: keyOf(last) }, request.scope) : null
  return { rows: rows.slice(0, request.limit), nextCursor, position: position && `${request.stream}=${position}` }
}

/**
 * One row more than the page, to know whether there is another. NULLS LAST is how the indexes of the lists are ordered:
 * without it PostgreSQL reads and sorts the whole list for each page, although no column here can be null.
 */
export function pageQuery(table: Listed, request: PageRequest): SQL {
  // Memberships have no id of their own.
  const key = 'id' in table ? table.id : table.userId
  const after = request.cursor === undefined ? null : decodeCursor(request.cursor, request.scope)
  const where = and(...request.where, after ? sql`(${table.createdAt}, ${key}) < (${after.createdAt}::timestamptz, ${after.id}::uuid)` : undefined)
  // The position comes with every row, and alone when there are none: all of one snapshot.
  return sql`select listed.*, place.position from (select ${positionOf(request.stream)} as position) as place
    left join lateral (
      select ${formOf(table).columns} from ${table} where ${where}
      order by ${table.createdAt} desc nulls last, ${key} desc nulls last limit ${request.limit + 1}
    ) as listed on true order by listed.created_at desc, listed.${sql.raw('id' in table ? 'id' : 'user_id')} desc`
}

type Form = Decoder<Record<string, unknown>> & { columns: SQL }

const forms = new Map<PgTable, Form>()

/** What is selected of each listed table, and how rows are made of it: making these costs more than their use. */
function formOf(table: PgTable): Form {
  const known = forms.get(table) ?? { ...rowDecoder(table), columns: columnList(table) }
  forms.set(table, known)
  return known
}

type Keyed = { createdAt: Date } & ({ id: string } | { userId: string })
const keyOf = (row: Keyed): string => ('id' in row ? row.id : row.userId)

/** `epoch:seq` of a stream as a column of the statement that reads the rows, hence of the same snapshot. */
export const positionOf = (stream: StreamName | null) =>
  stream ? sql<string | null>`(select epoch || ':' || last_seq from streams where stream = ${stream})` : sql<string | null>`null::text`

/** `epoch:seq` of a stream, for a caller that holds a snapshot. */
export async function readPosition(tx: Transaction, stream: StreamName | null): Promise<string | null> {
  const [row] = await tx.select({ position: positionOf(stream) }).from(sql`(values (1)) as one(n)`)
  return row?.position ?? null
}

// A cursor carries a checksum over itself and its scope: a changed one, or one of another store or of other filters, is
// refused. It guards against mistakes and needs no secret: `where` alone decides which rows a caller may see.

type Cursor = { createdAt: string; id: string }

const checksumOf = (payload: string, scope: string) =>
  createHmac('sha256', 'zipzap.cursor.v1').update(`${scope}\n${payload}`).digest().subarray(0, 12)

function encodeCursor(cursor: Cursor, scope: string): string {
  const payload = `${cursor.createdAt}~${cursor.id}`
  return Buffer.concat([checksumOf(payload, scope), Buffer.from(payload)]).toString('base64url')
}

function decodeCursor(text: string, scope: string): Cursor {
  const bytes = Buffer.from(text, 'base64url')
  const payload = bytes.subarray(12).toString()
  const [createdAt, id] = payload.split('~')
  const isOurs = bytes.length > 12 && bytes.toString('base64url') === text && timingSafeEqual(bytes.subarray(0, 12), checksumOf(payload, scope))
  if (!isOurs || !timestamp.safeParse(createdAt).success || !createdAt || !isId(id))
    throw badRequest('invalid_cursor', 'The cursor is broken, or belongs to another list')
  return { createdAt, id }
}
