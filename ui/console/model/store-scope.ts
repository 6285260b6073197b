import { createContext, useContext } from 'react'
import type { Outbox } from '~/ui/client/outbox'
import type { StoreSession } from '~/ui/console/model/store-session'
import type { StoreData, StoreState } from '~/ui/console/model/store-state'
import type { Role } from '~/utils/contracts/common'
import type { Order } from '~/utils/contracts/order'
import type { User } from '~/utils/contracts/user'

/** What every view of a store stands on. */
export type StoreScope = {
  storeId: string
  user: User
  role: Role
  session: StoreSession
  state: StoreState
  data: StoreData
  outbox: Outbox
  /** What is on the screen is what the server has. */
  isLive: boolean
  /** The orders of `data` as they will be when everything that waits has been sent. */
  orders: ReadonlyMap<string, Order>
  /** Those of them whose change waits. */
  waiting: ReadonlySet<string>
}

const StoreScopeContext = createContext<StoreScope | null>(null)

export const StoreScopeProvider = StoreScopeContext.Provider

export function useStoreScope(): StoreScope {
  const scope = useContext(StoreScopeContext)
  if (!scope) throw new Error('useStoreScope belongs inside a store')
  return scope
}

export const isManager = (role: Role): boolean => role === 'owner' || role === 'manager'
export const isCounter = (role: Role): boolean => isManager(role) || role === 'staff'
