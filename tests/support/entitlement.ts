import type { Run } from './stream-client'

/**
 * Who may see which event, written from the contract and apart from the code under test, and the judge that compares
 * what a client was told with the log.
 */

export type Role = 'owner' | 'manager' | 'staff' | 'kitchen' | 'kiosk'
export type Filter = { events?: string[]; where?: { status?: string[]; type?: string[] } }

/** An event of the log, with what decides about it. */
export type LogRow = {
  seq: number
  id: string
  type: string
  subject_id: string | null
  store_id: string | null
  order_status: string | null
  order_type: string | null
  order_created_by: string | null
  /** Of a change of membership. */
  action: string | null
  role: Role | null
}

/** The columns of `events` that make a `LogRow`. */
export const logColumns = `seq::float8 as seq, id, type, subject_id, store_id, order_status, order_type, order_created_by,
  case when type = 'store_updated' and subject_id <> store_id then data->>'action' end as action,
  case when type = 'store_updated' and subject_id <> store_id then data->>'role' end as role`

/** All that was ever logged in a stream, also what was pruned since. */
export class StreamLog {
  private readonly rows = new Map<number, LogRow>()
  private readonly changes = new Map<string, LogRow[]>()
  last = 0

  /** `initial`: the roles of members of whom the log does not tell. */
  constructor(private readonly initial: ReadonlyMap<string, Role> = new Map()) {}

  /** Rows in the order of the log, after those that are known. */
  add(rows: LogRow[]): void {
    for (const row of rows) {
      this.rows.set(row.seq, row)
      this.last = Math.max(this.last, row.seq)
      if (row.action !== null && row.subject_id) this.changes.set(row.subject_id, [...this.changesOf(row.subject_id), row])
    }
  }

  row(seq: number): LogRow | undefined {
    return this.rows.get(seq)
  }

  changesOf(userId: string): LogRow[] {
    return this.changes.get(userId) ?? []
  }

  /** The roles that a user had when any of the events `from … to` was logged; null: not a member. */
  rolesBetween(userId: string, from: number, to: number): Set<Role | null> {
    let role = this.initial.get(userId) ?? null
    const roles = new Set<Role | null>()
    for (const change of this.changesOf(userId)) {
      if (change.seq >= from) roles.add(role)
      if (change.seq >= to) return roles
      role = change.action === 'member_removed' ? null : change.role
    }
    roles.add(role)
    return roles
  }
}

const catalogue = ['product_updated', 'category_updated', 'store_updated']

export function mayRead(row: LogRow, role: Role | null, userId: string): boolean {
  if (role === null) return false
  if (role === 'kitchen') return !row.type.startsWith('customer_')
  if (role === 'kiosk') return row.type.startsWith('order_') ? row.order_created_by === userId : catalogue.includes(row.type) && row.action === null
  return true
}

function matches(row: LogRow, filter: Filter): boolean {
  if (filter.events && !filter.events.includes(row.type)) return false
  if (!row.type.startsWith('order_')) return true
  const { status, type } = filter.where ?? {}
  return (!status || status.includes(row.order_status ?? '')) && (!type || type.includes(row.order_type ?? ''))
}

/** Whether an event had to reach a run, or must not have: neither when the role changed while the socket was catching up. */
function duty(row: LogRow, run: Run, log: StreamLog): 'must' | 'may' | 'must not' {
  const filter = run.terms.findLast((terms) => terms.from < row.seq)?.filter ?? {}
  if (!matches(row, filter)) return 'must not'
  if (run.stream.startsWith('user:')) return 'must'
  const liveFrom = run.liveFrom ?? log.last
  const roles =
    row.seq > liveFrom
      ? log.rolesBetween(run.userId, row.seq, row.seq)
      : log.rolesBetween(run.userId, row.seq <= run.head ? run.head + 1 : row.seq, liveFrom + 1)
  const views = [...roles].map((role) => mayRead(row, role, run.userId))
  return views.every(Boolean) ? 'must' : views.some(Boolean) ? 'may' : 'must not'
}

/** Compares a run with the log; answers what is wrong with it, in words. */
export function judge(run: Run, log: StreamLog): string[] {
  const faults: string[] = []
  const told = new Map(run.events.map((event) => [event.seq, event]))
  const boundary = Math.max(run.after, run.confirmed, run.events.at(-1)?.seq ?? 0)
  for (const event of run.events) {
    const row = log.row(event.seq)
    if (!row || row.id !== event.id || row.type !== event.type) faults.push(`event ${event.seq} is not what the log holds`)
    else if (duty(row, run, log) === 'must not') faults.push(`event ${event.seq} (${row.type}) was not for this client`)
  }
  for (let seq = run.after + 1; seq <= boundary; seq++) {
    const row = log.row(seq)
    if (!row) faults.push(`the log has no ${seq}`)
    else if (!told.has(seq) && duty(row, run, log) === 'must')
      faults.push(`event ${seq} (${row.type}) never came, though the position is ${boundary}`)
  }
  faults.push(...judgeAnswer(run, log))
  return faults.map((fault) => `${run.stream} after ${run.after}, head ${run.head}, live from ${run.liveFrom}, ended by ${run.end}: ${fault}`)
}

/** A reload must have a cause, and `replayed` must be true to what came. */
function judgeAnswer(run: Run, log: StreamLog): string[] {
  const { asked, reason, replayed } = run
  if (asked && reason) {
    const causes = {
      epoch_changed: asked.epoch !== run.epoch,
      ahead: asked.seq > run.head,
      expired: asked.seq < run.prunedSeq || lostSight(run, asked.seq, log),
      too_far: run.head - asked.seq > 10_000,
    }
    return causes[reason] ? [] : [`told to reload (${reason}) without cause, asked after ${asked.epoch}:${asked.seq}`]
  }
  const settled = run.liveFrom !== null && log.rolesBetween(run.userId, run.head + 1, run.liveFrom + 1).size === 1
  const came = run.events.filter((event) => event.seq <= run.head).length
  return settled && replayed !== undefined && replayed !== came ? [`said to replay ${replayed}, and ${came} came`] : []
}

/** Somewhere in between the member was away, or was given more to see. */
const lostSight = (run: Run, after: number, log: StreamLog): boolean =>
  run.stream.startsWith('store:') &&
  log
    .changesOf(run.userId)
    .some((change) => change.seq > after && change.seq <= run.head && (change.action === 'member_removed' || change.role !== 'kitchen'))
