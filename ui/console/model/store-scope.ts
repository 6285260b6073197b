import { createContext, useContext } from 'react'
import type { StoreConnection } from '~/ui/console/model/store-connection'
import type { StoreData, StoreState } from '~/ui/console/model/store-state'
import type { Role } from '~/utils/contracts/common'
import type { User } from '~/utils/contracts/user'

/** What every view of a store stands on. */
export type StoreScope = {
  storeId: string
  user: User
  role: Role
  connection: StoreConnection
  state: StoreState
  data: StoreData
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
