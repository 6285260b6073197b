import { useEffect, useId, useState } from 'react'
import { fullName } from '~/ui/console/model/format'
import { rest } from '~/ui/console/model/rest'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { Icon } from '~/ui/console/parts/icon'
import type { Customer } from '~/utils/contracts/customer'

const pauseMs = 250

/** Finds somebody who has ordered before. */
export function CustomerPicker({ customer, onPick }: { customer: Customer | undefined; onPick: (customer: Customer | undefined) => void }) {
  const { storeId } = useStoreScope()
  const id = useId()
  const [query, setQuery] = useState('')
  const [found, setFound] = useState<Customer[]>([])

  useEffect(() => {
    if (query.trim().length < 2) return setFound([])
    let isCurrent = true
    const timer = setTimeout(() => {
      rest.call('GET /stores/{storeId}/customers', { params: { storeId }, query: { limit: 6, q: query.trim() } }).then(
        ({ data }) => isCurrent && setFound(data),
        () => isCurrent && setFound([]),
      )
    }, pauseMs)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [query, storeId])

  if (customer) {
    return (
      <p className="picked">
        <Icon name="person" size={18} />
        <span>
          {fullName(customer)} <span className="soft number">{customer.phone}</span>
        </span>
        <button type="button" className="button quiet small push" onClick={() => onPick(undefined)}>
          Someone else
        </button>
      </p>
    )
  }
  return (
    <div className="field">
      <label htmlFor={id}>Known customer</label>
      <input
        id={id}
        type="search"
        autoComplete="off"
        placeholder="Name, phone or e-mail"
        value={query}
        onChange={(event) => setQuery(event.currentTarget.value)}
      />
      <ul className="picker" aria-live="polite">
        {found.map((match) => (
          <li key={match.id}>
            <button
              type="button"
              className="picker-row"
              onClick={() => {
                onPick(match)
                setQuery('')
              }}
            >
              {fullName(match)} <span className="soft number">{match.phone ?? match.email}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}
