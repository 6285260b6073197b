import { useState } from 'react'
import { type Choice, modifierProblem, unitPriceOf } from '~/ui/console/model/cart'
import { formatMoney } from '~/ui/console/model/format'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { Dialog } from '~/ui/console/parts/dialog'
import { TextField } from '~/ui/console/parts/form'
import { Quantity } from '~/ui/console/parts/quantity'
import type { ModifierGroup } from '~/utils/contracts/order-document'
import type { Product } from '~/utils/contracts/product'

type Props = { product: Product; onAdd: (product: Product, choices: Choice[], note: string, quantity: number) => void; onClose: () => void }

export function ModifierDialog({ product, onAdd, onClose }: Props) {
  const { currency } = useStoreScope().data.store
  const [choices, setChoices] = useState<Choice[]>(() => usualChoices(product))
  const [quantity, setQuantity] = useState(1)
  const [note, setNote] = useState('')
  const problem = modifierProblem(product, choices)
  return (
    <Dialog title={product.name} onClose={onClose}>
      {product.description && <p className="soft">{product.description}</p>}
      {product.modifierGroups.map((group) => (
        <GroupField key={group.id} group={group} choices={choices} currency={currency} onChange={setChoices} />
      ))}
      <TextField
        label="Note for the kitchen"
        value={note}
        maxLength={1000}
        autoComplete="off"
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <div className="form-actions spread">
        <Quantity name={product.name} value={quantity} min={1} onChange={setQuantity} />
        <span className="soft" aria-live="polite">
          {problem}
        </span>
        <button type="button" className="button primary" disabled={problem !== null} onClick={() => onAdd(product, choices, note.trim(), quantity)}>
          Add · {formatMoney(Math.max(0, unitPriceOf(product, choices)) * quantity, currency)}
        </button>
      </div>
    </Dialog>
  )
}

/** Where exactly one must be chosen, the first is. */
const usualChoices = (product: Product): Choice[] =>
  product.modifierGroups.flatMap((group) => {
    const first = group.options[0]
    return group.min === 1 && group.max === 1 && first ? [{ groupId: group.id, optionId: first.id }] : []
  })

type GroupProps = { group: ModifierGroup; choices: Choice[]; currency: string; onChange: (choices: Choice[]) => void }

function GroupField({ group, choices, currency, onChange }: GroupProps) {
  const isSingle = group.min === 1 && group.max === 1
  const count = choices.filter((choice) => choice.groupId === group.id).length
  const isChosen = (optionId: string) => choices.some((choice) => choice.groupId === group.id && choice.optionId === optionId)
  function toggle(optionId: string) {
    const others = choices.filter((choice) => (isSingle ? choice.groupId !== group.id : choice.groupId !== group.id || choice.optionId !== optionId))
    onChange(isSingle || !isChosen(optionId) ? [...others, { groupId: group.id, optionId }] : others)
  }
  return (
    <fieldset className="modifiers">
      <legend>
        {group.name} <span className="soft">{ruleOf(group)}</span>
      </legend>
      {group.options.map((option) => (
        <label key={option.id} className="option">
          <input
            type={isSingle ? 'radio' : 'checkbox'}
            name={`group-${group.id}`}
            checked={isChosen(option.id)}
            disabled={!isSingle && !isChosen(option.id) && count >= group.max}
            onChange={() => toggle(option.id)}
          />
          <span>{option.name}</span>
          {option.priceDelta !== 0 && (
            <span className="number soft">
              {option.priceDelta > 0 ? '+' : ''}
              {formatMoney(option.priceDelta, currency)}
            </span>
          )}
        </label>
      ))}
    </fieldset>
  )
}

function ruleOf({ min, max, options }: ModifierGroup): string {
  if (min === max) return `choose ${min}`
  if (min === 0) return max >= options.length ? 'as you like' : `up to ${max}`
  return `${min} to ${max}`
}
