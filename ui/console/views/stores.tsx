import { useEffect, useState } from 'react'
import { parsePercent } from '~/ui/console/model/format'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { roleNames } from '~/ui/console/model/roles'
import { Link, navigate, storePath } from '~/ui/console/model/router'
import type { CurrentSession } from '~/ui/console/model/session'
import { useOnce } from '~/ui/console/model/writes'
import { Brand } from '~/ui/console/parts/brand'
import { Form, SelectField, TextField, useSubmission } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'
import { UserMenu } from '~/ui/console/parts/user-menu'
import type { Role } from '~/utils/contracts/common'
import type { Store } from '~/utils/contracts/store'

/** Where a role works. */
const homePath = (storeId: string, role: Role | undefined) => storePath(storeId, role === 'kitchen' ? 'kitchen' : role === 'kiosk' ? 'till' : 'board')

type Props = { session: CurrentSession; onRefresh: () => Promise<unknown>; onSignOut: () => void }

export function StoresPage({ session, onRefresh, onSignOut }: Props) {
  const [stores, setStores] = useState<Store[]>()
  const [problem, setProblem] = useState('')
  const [isCreating, setCreating] = useState(false)
  const roles = new Map(session.stores.map((membership) => [membership.storeId, membership.role]))

  useEffect(() => {
    let isCurrent = true
    rest.readAll('GET /stores', {}).then(
      ({ rows }) => isCurrent && setStores(rows),
      (error: unknown) => isCurrent && setProblem(messageOf(error)),
    )
    return () => {
      isCurrent = false
    }
  }, [])

  // A screen on the wall has nobody to choose: it opens what it was made for.
  const [only, ...others] = session.stores
  const own = session.user.kind === 'device' && others.length === 0 ? only : undefined
  useEffect(() => {
    if (own) navigate(homePath(own.storeId, own.role), { replace: true })
  }, [own])

  const isFirst = stores?.length === 0 && session.user.kind === 'person'
  return (
    <>
      <header className="top">
        <Brand />
        <span className="push" />
        <UserMenu user={session.user} onSignOut={onSignOut} />
      </header>
      <main className="narrow">
        <h1>{isFirst ? 'Create your first store' : 'Your stores'}</h1>
        {problem && <p role="alert">{problem}</p>}
        <ul className="store-list">
          {stores?.map((store) => {
            const role = roles.get(store.id)
            return (
              <li key={store.id}>
                <Link className="store-link" href={homePath(store.id, role)}>
                  <Icon name="store" size={24} />
                  <span className="row-main">
                    <span className="row-title">{store.name}</span>
                    <span className="soft row-sub">{[role && roleNames[role], store.address].filter(Boolean).join(' · ')}</span>
                  </span>
                  <span className={`chip ${store.isOpen ? 'good' : ''}`}>{store.isOpen ? 'Open' : 'Closed'}</span>
                </Link>
              </li>
            )
          })}
        </ul>
        {session.user.kind === 'person' && stores && !isFirst && !isCreating && (
          <button type="button" className="button" onClick={() => setCreating(true)}>
            <Icon name="plus" /> New store
          </button>
        )}
        {(isFirst || isCreating) && <NewStore onCreated={onRefresh} />}
      </main>
    </>
  )
}

const commonCurrencies = ['EUR', 'USD', 'GBP', 'CHF']

/** All that this browser knows, the usual ones first. */
function currencies(): (readonly [string, string])[] {
  const names = new Intl.DisplayNames(undefined, { type: 'currency' })
  const others = Intl.supportedValuesOf('currency').filter((code) => !commonCurrencies.includes(code))
  return [...commonCurrencies, ...others].map((code) => [code, `${code} – ${names.of(code) ?? code}`] as const)
}

/** `onCreated` reads the session anew: it names the stores that may be opened. */
function NewStore({ onCreated }: { onCreated: () => Promise<unknown> }) {
  const submission = useSubmission()
  const once = useOnce()
  return (
    <section className="sheet padded" aria-label="New store">
      <Form
        submission={submission}
        onSubmit={async (fields) => {
          const body = {
            name: fields.text('name'),
            currency: fields.text('currency'),
            timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
            taxRateBps: fields.parsed('taxRate', parsePercent, 'Enter a rate like 19 or 7.5'),
            pricesIncludeTax: fields.has('pricesIncludeTax'),
          }
          const { data } = await rest.call('POST /stores', { body, headers: once(body) })
          await onCreated()
          navigate(storePath(data.id, 'catalogue'))
        }}
      >
        <TextField
          label="Name"
          name="name"
          maxLength={120}
          required
          placeholder="Corner Kitchen"
          error={submission.errorOf('name')}
          autoComplete="off"
        />
        <div className="pair">
          <SelectField label="Currency" name="currency" options={currencies()} error={submission.errorOf('currency')} />
          <TextField
            label="Tax rate (%)"
            name="taxRate"
            inputMode="decimal"
            defaultValue="0"
            required
            error={submission.errorOf('taxRate')}
            autoComplete="off"
          />
        </div>
        <label className="switch">
          <input type="checkbox" name="pricesIncludeTax" />
          <span>Prices include tax</span>
        </label>
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Create store
          </button>
        </div>
      </Form>
    </section>
  )
}
