import { type DraftGroup, type DraftOption, newGroup, newOption } from '~/ui/console/model/modifier-draft'
import { TextField } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'

type Props = { groups: DraftGroup[]; onChange: (groups: DraftGroup[]) => void; error: string | undefined }

export function ModifierEditor({ groups, onChange, error }: Props) {
  const change = (index: number, group: DraftGroup) => onChange(groups.with(index, group))
  return (
    <section className="modifier-editor" aria-labelledby="modifier-editor">
      <h3 id="modifier-editor">Choices</h3>
      {groups.map((group, index) => (
        <GroupEditor
          key={group.id}
          group={group}
          onChange={(next) => change(index, next)}
          onRemove={() => onChange(groups.filter((each) => each.id !== group.id))}
        />
      ))}
      {error && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
      <button type="button" className="button small" disabled={groups.length >= 20} onClick={() => onChange([...groups, newGroup()])}>
        <Icon name="plus" size={16} /> Group of choices
      </button>
    </section>
  )
}

type GroupProps = { group: DraftGroup; onChange: (group: DraftGroup) => void; onRemove: () => void }

function GroupEditor({ group, onChange, onRemove }: GroupProps) {
  const changeOption = (index: number, option: DraftOption) => onChange({ ...group, options: group.options.with(index, option) })
  return (
    <fieldset className="group-editor">
      <legend className="visually-hidden">{group.name || 'New group'}</legend>
      <div className="group-head">
        <TextField
          label="Group"
          value={group.name}
          maxLength={120}
          placeholder="Size"
          onChange={(event) => onChange({ ...group, name: event.currentTarget.value })}
        />
        <TextField
          label="At least"
          inputMode="numeric"
          value={group.min}
          onChange={(event) => onChange({ ...group, min: event.currentTarget.value })}
        />
        <TextField
          label="At most"
          inputMode="numeric"
          value={group.max}
          onChange={(event) => onChange({ ...group, max: event.currentTarget.value })}
        />
        <button type="button" className="button quiet square" aria-label={`Remove group ${group.name}`} onClick={onRemove}>
          <Icon name="trash" size={18} />
        </button>
      </div>
      {group.options.map((option, index) => (
        <div key={option.id} className="option-editor">
          <input
            aria-label={`Option ${index + 1} of ${group.name || 'the group'}`}
            value={option.name}
            maxLength={120}
            placeholder="Option"
            onChange={(event) => changeOption(index, { ...option, name: event.currentTarget.value })}
          />
          <input
            aria-label={`Price of option ${index + 1}`}
            className="number"
            value={option.price}
            inputMode="decimal"
            placeholder="0.00"
            onChange={(event) => changeOption(index, { ...option, price: event.currentTarget.value })}
          />
          <button
            type="button"
            className="button quiet square"
            aria-label={`Remove option ${option.name || index + 1}`}
            onClick={() => onChange({ ...group, options: group.options.filter((each) => each.id !== option.id) })}
          >
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
      <button
        type="button"
        className="button quiet small"
        disabled={group.options.length >= 50}
        onClick={() => onChange({ ...group, options: [...group.options, newOption()] })}
      >
        <Icon name="plus" size={16} /> Option
      </button>
    </fieldset>
  )
}
