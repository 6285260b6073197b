import { useState } from 'react'
import { messageOf } from '~/ui/console/model/problems'
import { notify } from '~/ui/console/model/toasts'
import { Icon } from '~/ui/console/parts/icon'

type Props = { name: string; explanation: string; label?: string; isSmall?: boolean; onDelete: () => Promise<unknown> }

/** Asks once more in its own place; the second click counts. */
export function DeleteButton({ name, explanation, label = 'Delete', isSmall = false, onDelete }: Props) {
  const [isAsked, setAsked] = useState(false)
  const [isBusy, setBusy] = useState(false)
  async function remove() {
    setBusy(true)
    try {
      await onDelete()
    } catch (error) {
      notify('error', `${label} ${name}: ${messageOf(error)}`)
      setAsked(false)
    } finally {
      setBusy(false)
    }
  }
  if (!isAsked && isSmall) {
    return (
      <button type="button" className="button quiet square" aria-label={`${label} ${name}`} title={label} onClick={() => setAsked(true)}>
        <Icon name="trash" size={18} />
      </button>
    )
  }
  if (!isAsked) {
    return (
      <button type="button" className="button danger-quiet" onClick={() => setAsked(true)}>
        {label}
        <span className="visually-hidden"> {name}</span>
      </button>
    )
  }
  return (
    <span className="confirm" role="alert">
      <span>{explanation}</span>
      <button type="button" className="button" onClick={() => setAsked(false)}>
        Keep
      </button>
      <button type="button" className="button danger" disabled={isBusy} onClick={remove}>
        {label}
      </button>
    </span>
  )
}
