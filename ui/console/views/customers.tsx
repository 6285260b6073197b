import { useEffect, useState } from 'react'
import { fullName } from '~/ui/console/model/format'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { take, useOnce } from '~/ui/console/model/writes'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, TextArea, TextField, useSubmission } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'
import { SearchField } from '~/ui/console/views/till'
import type { Customer } from '~/utils/contracts/customer'

const pauseMs = 250

export function CustomersView() {
  const { data } = useStoreScope()
  const [query, setQuery] = useState('')
  const { ids, more, problem } = useCustomerList(query)
  const [editing, setEditing] = useState<{ id: string | undefined }>()
  // The list names rows; what they are now, and whether they still are, is in the state.
  const rows = ids.flatMap((id) => data.customers.get(id) ?? [])
  return (
    <div className="view">
      <header className="view-head">
        <h1>Customers</h1>
        <SearchField value={query} onChange={setQuery} label="Name, phone or e-mail" />
        <button type="button" className="button primary head-actions" onClick={() => setEditing({ id: undefined })}>
          <Icon name="plus" /> Customer
        </button>
      </header>
      {problem && <p role="alert">{problem}</p>}
      <section className="sheet" aria-label="Customers">
        <ul className="rows">
          {rows.map((customer) => (
            <li key={customer.id} className="row">
              <button type="button" className="row-main row-button" onClick={() => setEditing({ id: customer.id })}>
                <span className="row-title">{fullName(customer)}</span>
                <span className="soft row-sub">{[customer.phone, customer.email, customer.note].filter(Boolean).join(' · ')}</span>
                <Icon name="forward" size={18} />
              </button>
            </li>
          ))}
        </ul>
        {rows.length === 0 && <p className="empty">{query ? 'Nobody is called that' : 'Nobody yet'}</p>}
        {more && (
          <button type="button" className="button wide" onClick={more}>
            Show more
          </button>
        )}
      </section>
      {editing && <CustomerDialog customer={editing.id ? data.customers.get(editing.id) : undefined} onClose={() => setEditing(undefined)} />}
    </div>
  )
}

/** Ids in the server's order. Read again when the search changes, and when a snapshot or an event brings customers. */
function useCustomerList(query: string) {
  const { storeId, state, data } = useStoreScope()
  const [ids, setIds] = useState<string[]>([])
  const [cursor, setCursor] = useState<string | null>(null)
  const [problem, setProblem] = useState('')
  const q = query.trim()
  const known = q ? 0 : data.customers.size

  // biome-ignore lint/correctness/useExhaustiveDependencies: a customer that came or went changes the list
  useEffect(() => {
    let isCurrent = true
    const timer = setTimeout(() => {
      rest.call('GET /stores/{storeId}/customers', { params: { storeId }, query: { limit: 50, ...(q && { q }) } }).then(
        ({ data: rows, nextCursor }) => {
          if (!isCurrent) return
          state.learn('customers', rows)
          setIds((before) =>
            before.length > rows.length && before.slice(0, rows.length).every((id, at) => id === rows[at]?.id) ? before : rows.map((row) => row.id),
          )
          setCursor(nextCursor)
          setProblem('')
        },
        (error: unknown) => isCurrent && setProblem(messageOf(error)),
      )
    }, pauseMs)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [storeId, q, state, known, data.crewRevision])

  async function readMore(from: string) {
    try {
      const query = { limit: 50, cursor: from, ...(q && { q }) }
      const { data: rows, nextCursor } = await rest.call('GET /stores/{storeId}/customers', { params: { storeId }, query })
      state.learn('customers', rows)
      setIds([...ids, ...rows.map((row) => row.id)])
      setCursor(nextCursor)
    } catch (error) {
      setProblem(messageOf(error))
    }
  }
  return { ids, problem, more: cursor ? () => void readMore(cursor) : undefined }
}

function CustomerDialog({ customer, onClose }: { customer: Customer | undefined; onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  return (
    <Dialog title={customer ? fullName(customer) : 'New customer'} onClose={onClose}>
      <Form
        submission={submission}
        onDone={onClose}
        onSubmit={(fields) => {
          const body = {
            firstName: fields.text('firstName'),
            lastName: fields.optional('lastName'),
            phone: fields.optional('phone'),
            email: fields.optional('email'),
            note: fields.optional('note'),
          }
          const { storeId } = scope
          const write = customer
            ? rest.call('PATCH /stores/{storeId}/customers/{id}', { params: { storeId, id: customer.id }, body })
            : rest.call('POST /stores/{storeId}/customers', { params: { storeId }, body, headers: once(body) })
          return take(scope, 'customers', write)
        }}
      >
        <div className="pair">
          <TextField
            label="First name"
            name="firstName"
            defaultValue={customer?.firstName ?? ''}
            maxLength={120}
            required
            error={submission.errorOf('firstName')}
            autoComplete="off"
          />
          <TextField
            label="Last name"
            name="lastName"
            defaultValue={customer?.lastName ?? ''}
            maxLength={120}
            error={submission.errorOf('lastName')}
            autoComplete="off"
          />
        </div>
        <div className="pair">
          <TextField
            label="Phone"
            name="phone"
            type="tel"
            defaultValue={customer?.phone ?? ''}
            maxLength={40}
            error={submission.errorOf('phone')}
            autoComplete="off"
          />
          <TextField
            label="E-mail"
            name="email"
            type="email"
            defaultValue={customer?.email ?? ''}
            maxLength={254}
            error={submission.errorOf('email')}
            autoComplete="off"
          />
        </div>
        <TextArea label="Note" name="note" defaultValue={customer?.note ?? ''} maxLength={1000} error={submission.errorOf('note')} />
        <div className="form-actions">
          {customer && (
            <DeleteButton
              name={fullName(customer)}
              explanation="The person is removed from all orders and from the log, for good."
              onDelete={async () => {
                await rest.call('DELETE /stores/{storeId}/customers/{id}', { params: { storeId: scope.storeId, id: customer.id } })
                scope.state.forget('customers', customer.id)
                onClose()
              }}
            />
          )}
          {customer && isManager(scope.role) && (
            <button type="button" className="button" onClick={() => void exportCustomer(scope.storeId, customer)}>
              Export
            </button>
          )}
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Save
          </button>
        </div>
      </Form>
    </Dialog>
  )
}

/** Hands over, as a file, all that is kept of a person. */
async function exportCustomer(storeId: string, customer: Customer): Promise<void> {
  try {
    const { data } = await rest.call('GET /stores/{storeId}/customers/{id}/export', { params: { storeId, id: customer.id } })
    const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }))
    const link = Object.assign(document.createElement('a'), { href: url, download: `customer-${customer.id}.json` })
    link.click()
    URL.revokeObjectURL(url)
  } catch (error) {
    notify('error', `The export failed: ${messageOf(error)}`)
  }
}
