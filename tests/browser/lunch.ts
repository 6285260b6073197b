import { moveOrder, type Shop, takeOrder } from './shop'

/** Orders in every status, some of them with much to show. Answers the tracking token of one in the kitchen. */
export async function serveLunch(shop: Shop): Promise<string> {
  const taken = [
    await takeOrder(shop, {
      items: [
        ['Margherita', 2],
        ['Lemonade', 2],
      ],
      customer: { firstName: 'Elena', lastName: 'Rossi', phone: '+49 30 1234567' },
    }),
    await takeOrder(shop, { items: [['Miso ramen', 1]], type: 'dine_in', tableNumber: '12', note: 'Allergic to peanuts, please be careful' }),
    await takeOrder(shop, {
      items: [
        ['Green curry with jasmine rice', 1],
        ['Bibimbap', 2],
        ['Quattro formaggi', 1],
        ['Espresso', 2],
        ['Lemonade', 1],
      ],
      type: 'delivery',
      deliveryAddress: '7 Long Garden Road, third floor, ring twice',
      customer: { firstName: 'Maximilian', lastName: 'von Hohenstein-Lichtenberg' },
      discount: 500,
      tip: 300,
    }),
    await takeOrder(shop, { items: [['Espresso', 1]] }),
    await takeOrder(shop, { items: [['Marinara', 3]] }),
    await takeOrder(shop, { items: [['Lemonade', 4]], type: 'dine_in', tableNumber: '3' }),
    await takeOrder(shop, {
      items: [
        ['Miso ramen', 2],
        ['Espresso', 2],
      ],
    }),
  ]
  const path = ['confirmed', 'preparing', 'ready', 'completed']
  for (const [index, order] of taken.entries()) for (const status of path.slice(0, Math.max(0, index - 1))) await moveOrder(shop, order.id, status)
  await shop.owner.api.post(`${shop.path}/devices`, { name: 'Kitchen wall', role: 'kitchen' })
  await shop.owner.api.post(`${shop.path}/orders/${taken[3]?.id}/payments`, { kind: 'payment', method: 'card', amount: 240 })
  return taken[3].trackingToken
}
