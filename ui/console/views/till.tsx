import { useMemo, useState } from 'react'
import { addLine, type CartLine, type Choice, noCharges, unitPriceOf } from '~/ui/console/model/cart'
import { formatMoney } from '~/ui/console/model/format'
import { byMenu } from '~/ui/console/model/menu'
import { Link, storePath } from '~/ui/console/model/router'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { Icon } from '~/ui/console/parts/icon'
import { CartPane } from '~/ui/console/views/till-cart'
import { ModifierDialog } from '~/ui/console/views/till-modifiers'
import type { Product } from '~/utils/contracts/product'

/** A new order: what is tapped on the left stands on the right. */
export function TillView() {
  const { data, role, storeId } = useStoreScope()
  const [lines, setLines] = useState<CartLine[]>([])
  const [charges, setCharges] = useState(noCharges)
  const [chosen, setChosen] = useState<Product>()
  const [query, setQuery] = useState('')
  const [isCartShown, setCartShown] = useState(false)
  const groups = useMemo(() => byMenu(data.products, data.categories, query), [data.products, data.categories, query])
  const counts = useMemo(() => countByProduct(lines), [lines])
  const count = lines.reduce((sum, line) => sum + line.quantity, 0)
  const subtotal = lines.reduce((sum, line) => sum + unitPriceOf(line.product, line.choices) * line.quantity, 0)

  function tap(product: Product) {
    if (product.modifierGroups.length > 0) setChosen(product)
    else setLines(addLine(lines, product, []))
  }

  function add(product: Product, choices: Choice[], note: string, quantity: number) {
    setLines(addLine(lines, product, choices, note, quantity))
    setChosen(undefined)
  }

  return (
    <div className={`view till ${isCartShown ? 'cart-shown' : ''}`}>
      <section className="menu" aria-labelledby="till-title">
        <header className="view-head">
          <h1 id="till-title">New order</h1>
          <SearchField value={query} onChange={setQuery} label="Find a product" />
        </header>
        {!data.store.isOpen && <p className="notice warn">The store is closed: orders are refused until it is opened in the settings.</p>}
        {groups.map(({ key, name, products }) => (
          <section key={key} className="menu-group" aria-labelledby={`menu-${key}`}>
            <h2 id={`menu-${key}`}>{name}</h2>
            <ul className="tiles">
              {products.map((product) => (
                <li key={product.id}>
                  <ProductTile product={product} count={counts.get(product.id) ?? 0} currency={data.store.currency} onTap={() => tap(product)} />
                </li>
              ))}
            </ul>
          </section>
        ))}
        {groups.length === 0 && <p className="empty">{query ? 'No product is called that' : 'There is nothing on the menu yet'}</p>}
        {data.products.size === 0 && isManager(role) && (
          <Link className="button" href={storePath(storeId, 'catalogue')}>
            <Icon name="catalogue" /> To the catalogue
          </Link>
        )}
      </section>
      <CartPane lines={lines} setLines={setLines} charges={charges} setCharges={setCharges} onBack={() => setCartShown(false)} />
      {count > 0 && (
        <button type="button" className="button primary cart-toggle" onClick={() => setCartShown(true)}>
          <Icon name="till" /> Show order ({count}) · {formatMoney(subtotal, data.store.currency)}
        </button>
      )}
      {chosen && <ModifierDialog product={chosen} onAdd={add} onClose={() => setChosen(undefined)} />}
    </div>
  )
}

export function SearchField({ value, onChange, label }: { value: string; onChange: (value: string) => void; label: string }) {
  return (
    <label className="search">
      <span className="visually-hidden">{label}</span>
      <Icon name="search" size={18} />
      <input type="search" value={value} placeholder={label} onChange={(event) => onChange(event.currentTarget.value)} />
    </label>
  )
}

function countByProduct(lines: CartLine[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { product, quantity } of lines) counts.set(product.id, (counts.get(product.id) ?? 0) + quantity)
  return counts
}

type TileProps = { product: Product; count: number; currency: string; onTap: () => void }

function ProductTile({ product, count, currency, onTap }: TileProps) {
  const isOut = !product.isAvailable || product.stock === 0
  return (
    <button type="button" className={`tile ${count > 0 ? 'taken' : ''}`} disabled={isOut} onClick={onTap}>
      <span className="tile-name">{product.name}</span>
      {count > 0 && (
        <span className="tile-count number">
          {count}
          <span className="visually-hidden"> in the order</span>
        </span>
      )}
      <span className="tile-foot">
        <span className="number">{formatMoney(product.price, currency)}</span>
        {isOut ? (
          <span className="chip">Sold out</span>
        ) : (
          product.stock !== null && <span className={`number ${product.stock <= 5 ? 'chip warn' : 'soft'}`}>{product.stock} left</span>
        )}
      </span>
    </button>
  )
}
