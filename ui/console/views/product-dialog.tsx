import { useState } from 'react'
import { moneyText, parseMoney, parsePercent, percentText } from '~/ui/console/model/format'
import { type DraftGroup, draftOf, readDraft } from '~/ui/console/model/modifier-draft'
import { rest } from '~/ui/console/model/rest'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { take, useOnce } from '~/ui/console/model/writes'
import { DeleteButton } from '~/ui/console/parts/delete-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, SelectField, TextArea, TextField, useSubmission } from '~/ui/console/parts/form'
import { ModifierEditor } from '~/ui/console/views/modifier-editor'
import type { Product } from '~/utils/contracts/product'

type Props = { product: Product | undefined; categoryId: string | null; onClose: () => void }

/** Empty counts as null, which is why these answer a box and not the bare value. */
const optionalPercent = (text: string) => (text === '' ? { value: null } : wrapped(parsePercent(text)))
const optionalCount = (text: string) => (text === '' ? { value: null } : /^\d{1,9}$/.test(text) ? { value: Number(text) } : null)
const wrapped = (value: number | null) => (value === null ? null : { value })

export function ProductDialog({ product, categoryId, onClose }: Props) {
  const scope = useStoreScope()
  const { currency } = scope.data.store
  const submission = useSubmission()
  const once = useOnce()
  const [groups, setGroups] = useState<DraftGroup[]>(() => draftOf(product?.modifierGroups ?? [], currency))
  const categories = [...scope.data.categories.values()].sort((a, b) => a.position - b.position)
  return (
    <Dialog side title={product ? product.name : 'New product'} onClose={onClose}>
      <Form
        submission={submission}
        onDone={onClose}
        onSubmit={async (fields) => {
          const stock = fields.parsed('stock', optionalCount, 'Enter a whole number, or nothing').value
          const body = {
            name: fields.text('name'),
            price: fields.parsed('price', (text) => parseMoney(text, currency), 'Enter a price like 12.50'),
            categoryId: fields.optional('categoryId'),
            sku: fields.optional('sku'),
            description: fields.optional('description'),
            taxRateBps: fields.parsed('taxRate', optionalPercent, 'Enter a rate like 19 or 7.5, or nothing').value,
            // Sent only when it was changed here: orders move it all the time.
            ...((!product || stock !== product.stock) && { stock }),
            modifierGroups: readDraft(groups, currency),
          }
          const { storeId } = scope
          const write = product
            ? rest.call('PATCH /stores/{storeId}/products/{id}', { params: { storeId, id: product.id }, body })
            : rest.call('POST /stores/{storeId}/products', { params: { storeId }, body, headers: once(body) })
          await take(scope, 'products', write)
        }}
      >
        <TextField
          label="Name"
          name="name"
          defaultValue={product?.name ?? ''}
          maxLength={120}
          required
          error={submission.errorOf('name')}
          autoComplete="off"
        />
        <div className="pair">
          <TextField
            label={`Price (${currency})`}
            name="price"
            inputMode="decimal"
            defaultValue={product ? moneyText(product.price, currency) : ''}
            required
            error={submission.errorOf('price')}
            autoComplete="off"
          />
          <SelectField
            label="Category"
            name="categoryId"
            defaultValue={categoryId ?? ''}
            options={[['', 'None'], ...categories.map((category) => [category.id, category.name] as const)]}
            error={submission.errorOf('categoryId')}
          />
        </div>
        <div className="pair">
          <TextField
            label="Stock"
            name="stock"
            inputMode="numeric"
            defaultValue={product?.stock ?? ''}
            hint="Empty: not counted"
            error={submission.errorOf('stock')}
            autoComplete="off"
          />
          <TextField
            label="Tax rate (%)"
            name="taxRate"
            inputMode="decimal"
            defaultValue={product?.taxRateBps == null ? '' : percentText(product.taxRateBps)}
            hint={`Empty: the store's ${percentText(scope.data.store.taxRateBps)} %`}
            error={submission.errorOf('taxRate')}
            autoComplete="off"
          />
        </div>
        <TextField
          label="Article number"
          name="sku"
          defaultValue={product?.sku ?? ''}
          maxLength={120}
          error={submission.errorOf('sku')}
          autoComplete="off"
        />
        <TextArea
          label="Description"
          name="description"
          defaultValue={product?.description ?? ''}
          maxLength={4000}
          error={submission.errorOf('description')}
        />
        <ModifierEditor groups={groups} onChange={setGroups} error={submission.errorOf('modifierGroups')} />
        <div className="form-actions">
          {product && (
            <DeleteButton
              name={product.name}
              explanation="Orders that contain it keep it."
              onDelete={async () => {
                await rest.call('DELETE /stores/{storeId}/products/{id}', { params: { storeId: scope.storeId, id: product.id } })
                scope.state.forget('products', product.id)
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
