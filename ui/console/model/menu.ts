import type { Category } from '~/utils/contracts/category'
import type { Product } from '~/utils/contracts/product'

export type MenuGroup = { key: string; name: string; category: Category | undefined; products: Product[] }

/** Products by category, in the menu's order; those without one come last. Empty groups stay away unless asked for. */
export function byMenu(
  products: ReadonlyMap<string, Product>,
  categories: ReadonlyMap<string, Category>,
  query: string,
  { withEmpty = false } = {},
): MenuGroup[] {
  const wanted = query.trim().toLowerCase()
  const found = [...products.values()]
    .filter((product) => product.name.toLowerCase().includes(wanted) || product.sku?.toLowerCase().includes(wanted))
    .sort((a, b) => a.name.localeCompare(b.name))
  const groups: MenuGroup[] = [...categories.values()]
    .sort((a, b) => a.position - b.position || a.name.localeCompare(b.name))
    .map((category) => ({ key: category.id, name: category.name, category, products: found.filter((product) => product.categoryId === category.id) }))
  const rest = found.filter((product) => product.categoryId === null || !categories.has(product.categoryId))
  groups.push({ key: 'none', name: groups.length > 0 ? 'Other' : 'Products', category: undefined, products: rest })
  return groups.filter((group) => group.products.length > 0 || (withEmpty && group.category !== undefined))
}
