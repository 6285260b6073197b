import { rest } from '~/ui/console/model/rest'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { take, useOnce } from '~/ui/console/model/writes'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, TextField, useSubmission } from '~/ui/console/parts/form'
import type { Category } from '~/utils/contracts/category'

const parsePosition = (text: string): number | null => (/^\d{1,6}$/.test(text) ? Number(text) : null)

export function CategoryDialog({ category, onClose }: { category: Category | undefined; onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  const last = Math.max(-1, ...[...scope.data.categories.values()].map((each) => each.position))
  return (
    <Dialog title={category ? `Category ${category.name}` : 'New category'} onClose={onClose}>
      <Form
        submission={submission}
        onDone={onClose}
        onSubmit={async (fields) => {
          const body = { name: fields.text('name'), position: fields.parsed('position', parsePosition, 'Enter a whole number') }
          const { storeId } = scope
          const write = category
            ? rest.call('PATCH /stores/{storeId}/categories/{id}', { params: { storeId, id: category.id }, body })
            : rest.call('POST /stores/{storeId}/categories', { params: { storeId }, body, headers: once(body) })
          await take(scope, 'categories', write)
        }}
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
                await rest.call('DELETE /stores/{storeId}/categories/{id}', { params: { storeId: scope.storeId, id: category.id } })
                scope.state.forget('categories', category.id)
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
