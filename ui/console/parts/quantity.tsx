import { Icon } from '~/ui/console/parts/icon'

export function Quantity({ name, value, min = 0, onChange }: { name: string; value: number; min?: number; onChange: (value: number) => void }) {
  return (
    <fieldset className="quantity">
      <legend className="visually-hidden">Quantity of {name}</legend>
      <button
        type="button"
        className="button square small"
        disabled={value <= min}
        onClick={() => onChange(value - 1)}
        aria-label={`One ${name} less`}
      >
        <Icon name="minus" size={16} />
      </button>
      <output className="number">{value}</output>
      <button
        type="button"
        className="button square small"
        disabled={value >= 999}
        onClick={() => onChange(value + 1)}
        aria-label={`One ${name} more`}
      >
        <Icon name="plus" size={16} />
      </button>
    </fieldset>
  )
}
