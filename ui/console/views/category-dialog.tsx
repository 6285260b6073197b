import { useStoreScope } from '~/ui/console/model/store-scope'
import { deleteRow, saveRow } from '~/ui/console/model/writes'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, TextField, useSubmission } from '~/ui/console/parts/form'
import type { Category } from '~/utils/contracts/category'

const parsePosition = (text: string): number | null => (/^\d{1,6}$/.test(text) ? Number(text) : null)

export function CategoryDialog({ category, onClose }: { category: Category | undefined; onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const last = Math.max(-1, ...[...scope.data.categories.values()].map((each) => each.position))
  return (
    <Dialog title={category ? `Category ${category.name}` : 'New category'} onClose={onClose}>
      <Form
        submission={submission}
        onDone={onClose}
        onSubmit={(fields) =>
          saveRow(scope, 'categories', category?.id, {
            name: fields.text('name'),
            position: fields.parsed('position', parsePosition, 'Enter a whole number'),
          })
        }
      >
        <TextField
          label="Name"
          name="name"
          defaultValue={category?.name ?? ''}
          maxLength={120}
          required
          error={submission.errorOf('name')}
          autoComplete="off"
        />
        <TextField
          label="Position on the menu"
          name="position"
          inputMode="numeric"
          defaultValue={String(category?.position ?? Math.min(1_000_000, last + 1))}
          required
          error={submission.errorOf('position')}
          autoComplete="off"
        />
        <div className="form-actions">
          {category && (
            <DeleteButton
              name={`category ${category.name}`}
              explanation="Its products stay, without a category."
              onDelete={async () => {
                await deleteRow(scope, 'categories', category.id)
                onClose()
              }}
            />
          )}
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Save
          </button>
        </div>
      </Form>
    </Dialog>
  )
}
