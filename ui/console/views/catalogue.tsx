import { useMemo, useState } from 'react'
import { formatMoney, plural } from '~/ui/console/model/format'
import { byMenu } from '~/ui/console/model/menu'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { take } from '~/ui/console/model/writes'
import { Switch } from '~/ui/console/parts/form'
import { Icon } from '~/ui/console/parts/icon'
import { CategoryDialog } from '~/ui/console/views/category-dialog'
import { ProductDialog } from '~/ui/console/views/product-dialog'
import { SearchField } from '~/ui/console/views/till'
import type { Category } from '~/utils/contracts/category'
import type { Product } from '~/utils/contracts/product'

type Editing = { kind: 'product'; product: Product | undefined; categoryId: string | null } | { kind: 'category'; category: Category | undefined }

export function CatalogueView() {
  const { data, role } = useStoreScope()
  const [query, setQuery] = useState('')
  const [editing, setEditing] = useState<Editing>()
  const groups = useMemo(() => byMenu(data.products, data.categories, query, { withEmpty: query === '' }), [data.products, data.categories, query])
  const out = [...data.products.values()].filter((product) => !product.isAvailable).length
  const canEdit = isManager(role)
  const close = () => setEditing(undefined)

  return (
    <div className="view catalogue">
      <header className="view-head">
        <h1>Catalogue</h1>
        <span className="soft">
          {plural(data.products.size, 'product')}
          {out > 0 && `, ${out} sold out`}
        </span>
        <SearchField value={query} onChange={setQuery} label="Find a product" />
        {canEdit && (
          <span className="head-actions">
            <button type="button" className="button" onClick={() => setEditing({ kind: 'category', category: undefined })}>
              <Icon name="plus" /> Category
            </button>
            <button type="button" className="button primary" onClick={() => setEditing({ kind: 'product', product: undefined, categoryId: null })}>
              <Icon name="plus" /> Product
            </button>
          </span>
        )}
      </header>
      <div className="shelves">
        {groups.map(({ key, name, category, products }) => (
          <section key={key} className="sheet" aria-labelledby={`group-${key}`}>
            <header className="sheet-head">
              <h2 id={`group-${key}`}>{name}</h2>
              <span className="soft number">{products.length}</span>
              {category && !category.isActive && <span className="chip">Hidden</span>}
              {canEdit && category && (
                <button type="button" className="button quiet small push" onClick={() => setEditing({ kind: 'category', category })}>
                  <Icon name="edit" size={16} /> Edit<span className="visually-hidden"> category {name}</span>
                </button>
              )}
            </header>
            <ul className="rows">
              {products.map((product) => (
                <ProductRow
                  key={product.id}
                  product={product}
                  onEdit={canEdit ? () => setEditing({ kind: 'product', product, categoryId: product.categoryId }) : undefined}
                />
              ))}
            </ul>
            {products.length === 0 && <p className="empty">No products in here</p>}
          </section>
        ))}
      </div>
      {groups.length === 0 && (
        <p className="empty">{query ? 'No product is called that' : 'Nothing here yet: begin with a product, or with a category to put it into'}</p>
      )}
      {editing?.kind === 'product' && <ProductDialog product={editing.product} categoryId={editing.categoryId} onClose={close} />}
      {editing?.kind === 'category' && <CategoryDialog category={editing.category} onClose={close} />}
    </div>
  )
}

function ProductRow({ product, onEdit }: { product: Product; onEdit: (() => void) | undefined }) {
  const scope = useStoreScope()
  const [isBusy, setBusy] = useState(false)
  const canSwitch = scope.role !== 'kiosk'

  async function setAvailable(isAvailable: boolean) {
    setBusy(true)
    try {
      const params = { storeId: scope.storeId, id: product.id }
      await take(scope, 'products', rest.call('PATCH /stores/{storeId}/products/{id}', { params, body: { isAvailable } }))
    } catch (error) {
      notify('error', `${product.name} was not changed: ${messageOf(error)}`)
    } finally {
      setBusy(false)
    }
  }

  return (
    <li className={`row product-row ${product.isAvailable ? '' : 'dimmed'}`}>
      <span className="row-main">
        <span className="row-title">{product.name}</span>
        {product.stock !== null && <span className={`number ${product.stock <= 5 ? 'chip warn' : 'soft'}`}>{product.stock} left</span>}
        <span className="soft row-sub">
          {[product.sku, product.modifierGroups.length > 0 && plural(product.modifierGroups.length, 'choice'), product.description]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </span>
      <span className="number amount">{formatMoney(product.price, scope.data.store.currency)}</span>
      {canSwitch && (
        <Switch
          label={`${product.name} is ${product.isAvailable ? 'on sale' : 'sold out'}`}
          checked={product.isAvailable}
          disabled={isBusy}
          onChange={setAvailable}
        />
      )}
      {onEdit && (
        <button type="button" className="button quiet square" aria-label={`Edit ${product.name}`} onClick={onEdit}>
          <Icon name="edit" size={18} />
        </button>
      )}
    </li>
  )
}
