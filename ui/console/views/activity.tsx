import { useEffect, useMemo, useState } from 'react'
import { useNow } from '~/ui/console/model/clock'
import { describe, type ToldKind } from '~/ui/console/model/describe'
import { formatTime } from '~/ui/console/model/format'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { useOnce } from '~/ui/console/model/writes'
import { Choice, Form, SelectField, TextField, useSubmission } from '~/ui/console/parts/form'
import { Icon, type IconName } from '~/ui/console/parts/icon'

const icons: Record<ToldKind, IconName> = {
  order: 'board',
  product: 'catalogue',
  customer: 'customers',
  crew: 'team',
  store: 'settings',
  notice: 'bell',
}
const filters = [
  ['all', 'All'],
  ['order', 'Orders'],
  ['product', 'Catalogue'],
  ['customer', 'Customers'],
  ['crew', 'Team'],
] as const

const readBack = 100

/** What happened in the store, as the log tells it; new entries come on top by themselves. */
export function ActivityView() {
  const { data, role, user } = useStoreScope()
  const problem = useEarlierEvents()
  const names = useNames()
  const [filter, setFilter] = useState<(typeof filters)[number][0]>('all')
  const nowMs = useNow(30_000)
  const told = useMemo(() => data.feed.flatMap((frame) => describe(frame, (id) => names.get(id)) ?? []), [data.feed, names])
  const shown = told.filter((entry) => filter === 'all' || entry.kind === filter)
  return (
    <div className="view">
      <header className="view-head">
        <h1>Activity</h1>
        <Choice legend="Show" name="filter" options={filters} value={filter} onChange={setFilter} />
      </header>
      {isManager(role) && <NoticeForm />}
      {problem && <p role="alert">{problem}</p>}
      <section className="sheet" aria-label="Events">
        <ol className="rows feed">
          {shown.map((entry) => (
            <li key={entry.id} className="row">
              <Icon name={icons[entry.kind]} size={18} />
              <span className="row-main">
                <b>{entry.userId === user.id ? 'You' : (names.get(entry.userId ?? '') ?? 'Someone')}</b> {entry.text}
              </span>
              <time className="soft number" dateTime={entry.at}>
                {formatTime(entry.at, nowMs)}
              </time>
            </li>
          ))}
        </ol>
        {shown.length === 0 && <p className="empty">Nothing yet</p>}
      </section>
    </div>
  )
}

/** Reads the end of the log once; from then on the socket brings what comes. */
function useEarlierEvents(): string {
  const { storeId, state } = useStoreScope()
  const [problem, setProblem] = useState('')
  useEffect(() => {
    let isCurrent = true
    async function read() {
      const params = { storeId }
      const { positions } = await rest.call('GET /stores/{storeId}/orders', { params, query: { limit: 1 } })
      const after = Math.max(0, (positions[`store:${storeId}`]?.seq ?? 0) - readBack)
      const { data } = await rest.call('GET /stores/{storeId}/events', { params, query: { after, limit: 1000 } })
      if (isCurrent) state.learnFeed(data)
    }
    read().catch((error: unknown) => isCurrent && setProblem(messageOf(error)))
    return () => {
      isCurrent = false
    }
  }, [storeId, state])
  return problem
}

function useNames(): ReadonlyMap<string, string> {
  const { storeId, data } = useStoreScope()
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map())
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision says when to read again
  useEffect(() => {
    let isCurrent = true
    rest.readAll('GET /stores/{storeId}/members', { params: { storeId } }).then(
      ({ rows }) => isCurrent && setNames(new Map(rows.map((member) => [member.userId, member.name]))),
      () => {},
    )
    return () => {
      isCurrent = false
    }
  }, [storeId, data.crewRevision])
  return names
}

const levels = [
  ['info', 'Info'],
  ['success', 'Good news'],
  ['warning', 'Warning'],
  ['error', 'Alarm'],
] as const

/** A notice to everybody who has the store open. */
function NoticeForm() {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  const [formKey, setFormKey] = useState(0)
  return (
    <Form
      key={formKey}
      className="notice-form"
      submission={submission}
      onSubmit={(fields) => {
        const body = {
          message: fields.text('message'),
          level: fields.oneOf(
            'level',
            levels.map(([level]) => level),
          ),
        }
        return rest.call('POST /stores/{storeId}/notifications', { params: { storeId: scope.storeId }, body, headers: once(body) })
      }}
      onDone={() => setFormKey(formKey + 1)}
    >
      <TextField
        label="Tell everybody"
        name="message"
        maxLength={1000}
        required
        autoComplete="off"
        placeholder="The oven is down for ten minutes"
        error={submission.errorOf('message')}
      />
      <SelectField label="As" name="level" options={levels} />
      <button type="submit" className="button" disabled={submission.isBusy}>
        <Icon name="bell" size={18} /> Send
      </button>
    </Form>
  )
}
