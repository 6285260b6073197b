import { useRef } from 'react'
import { newId } from '~/ui/client/id'
import type { Answer } from '~/ui/client/rest'
import { rest } from '~/ui/console/model/rest'
import type { StoreScope } from '~/ui/console/model/store-scope'
import type { RowKind, Rows } from '~/ui/console/model/store-state'
import type { UpdateStore } from '~/utils/contracts/store'

/** The answer of an own write is taken into the page's state at once; the event that follows brings nothing new. */

type Scope = Pick<StoreScope, 'storeId' | 'state'>

export async function take<K extends RowKind>({ storeId, state }: Scope, kind: K, write: Promise<Answer<Rows[K]>>): Promise<Rows[K]> {
  const { data, positions } = await write
  state.learn(kind, [data], positions[`store:${storeId}`])
  return data
}

export async function saveStore({ storeId, state }: Scope, body: UpdateStore): Promise<void> {
  const { data, positions } = await rest.call('PATCH /stores/{storeId}', { params: { storeId }, body })
  state.learnStore(data, positions[`store:${storeId}`])
}

/** Headers under which the same body, sent again because no answer came, is still one write. */
export function useOnce(): (body: object) => { 'Idempotency-Key': string } {
  const last = useRef({ text: '', key: '' })
  return (body) => {
    const text = JSON.stringify(body)
    if (text !== last.current.text) last.current = { text, key: newId() }
    return { 'Idempotency-Key': last.current.key }
  }
}
