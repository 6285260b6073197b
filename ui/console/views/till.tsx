import { useMemo, useState } from 'react'
import { addLine, type CartLine, type Choice, noCharges } from '~/ui/console/model/cart'
import { formatMoney } from '~/ui/console/model/format'
import { byMenu } from '~/ui/console/model/menu'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { Icon } from '~/ui/console/parts/icon'
import { CartPane } from '~/ui/console/views/till-cart'
import { ModifierDialog } from '~/ui/console/views/till-modifiers'
import type { Product } from '~/utils/contracts/product'

/** A new order: what is tapped on the left stands on the right. */
export function TillView() {
  const { data } = useStoreScope()
  const [lines, setLines] = useState<CartLine[]>([])
  const [charges, setCharges] = useState(noCharges)
  const [chosen, setChosen] = useState<Product>()
  const [query, setQuery] = useState('')
  const [isCartShown, setCartShown] = useState(false)
  const groups = useMemo(() => byMenu(data.products, data.categories, query), [data.products, data.categories, query])
  const count = lines.reduce((sum, line) => sum + line.quantity, 0)

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
                  <ProductTile product={product} currency={data.store.currency} onTap={() => tap(product)} />
                </li>
              ))}
            </ul>
          </section>
        ))}
        {groups.length === 0 && <p className="empty">{query ? 'No product is called that' : 'There is nothing on the menu yet'}</p>}
      </section>
      <CartPane lines={lines} setLines={setLines} charges={charges} setCharges={setCharges} onBack={() => setCartShown(false)} />
      <button type="button" className="button primary cart-toggle" onClick={() => setCartShown(true)}>
        <Icon name="till" /> Show order ({count})
      </button>
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

function ProductTile({ product, currency, onTap }: { product: Product; currency: string; onTap: () => void }) {
  const isOut = !product.isAvailable || product.stock === 0
  return (
    <button type="button" className="tile" disabled={isOut} onClick={onTap}>
      <span className="tile-name">{product.name}</span>
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
