/** Modifier groups of a pizza: one of two sizes, and up to two extras. */

export const sizes = {
  id: 'size',
  name: 'Size',
  min: 1,
  max: 1,
  options: [
    { id: 's', name: 'Small', priceDelta: -50 },
    { id: 'l', name: 'Large', priceDelta: 150 },
  ],
}
export const extras = {
  id: 'extra',
  name: 'Extras',
  min: 0,
  max: 2,
  options: [
    { id: 'x', name: 'Cheese', priceDelta: 20 },
    { id: 'y', name: 'Olives', priceDelta: 30 },
    { id: 'z', name: 'Nothing on it', priceDelta: -700 },
  ],
}
