import { newId } from '~/ui/client/id'
import { moneyText, parseMoney } from '~/ui/console/model/format'
import { FieldProblem } from '~/ui/console/model/problems'
import type { ModifierGroup } from '~/utils/contracts/order-document'

/** Modifier groups as they are being typed: numbers are still text. */

export type DraftOption = { id: string; name: string; price: string }
export type DraftGroup = { id: string; name: string; min: string; max: string; options: DraftOption[] }

export const newOption = (): DraftOption => ({ id: newId(), name: '', price: '' })
export const newGroup = (): DraftGroup => ({ id: newId(), name: '', min: '0', max: '1', options: [newOption(), newOption()] })

export const draftOf = (groups: ModifierGroup[], currency: string): DraftGroup[] =>
  groups.map(({ id, name, min, max, options }) => ({
    id,
    name,
    min: String(min),
    max: String(max),
    options: options.map((option) => ({
      id: option.id,
      name: option.name,
      price: option.priceDelta === 0 ? '' : moneyText(option.priceDelta, currency),
    })),
  }))

/** Throws a `FieldProblem` of `modifierGroups` that says what is wrong where. */
export function readDraft(groups: DraftGroup[], currency: string): ModifierGroup[] {
  return groups.map((group) => {
    const options = group.options.filter((option) => option.name.trim() !== '')
    const [min, max] = [count(group.min), count(group.max)]
    if (group.name.trim() === '') throw problem('Every group needs a name')
    if (min === null || max === null || min > max) throw problem(`${group.name}: "at least" and "at most" do not fit together`)
    if (min > options.length) throw problem(`${group.name}: there are fewer options than must be chosen`)
    return { id: group.id, name: group.name.trim(), min, max, options: options.map((option) => readOption(option, group.name, currency)) }
  })
}

function readOption(option: DraftOption, groupName: string, currency: string) {
  const priceDelta = parseMoney(option.price || '0', currency)
  if (priceDelta === null) throw problem(`${groupName}, ${option.name}: enter a price like 1.50 or -0.50`)
  return { id: option.id, name: option.name.trim(), priceDelta }
}

const count = (text: string): number | null => (/^\d{1,2}$/.test(text.trim()) ? Number(text) : null)
const problem = (message: string) => new FieldProblem('modifierGroups', message)
