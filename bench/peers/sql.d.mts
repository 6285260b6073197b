export const readShop: string
export const insertOrder: string
export const lockOrder: string
export const updateOrder: string
export const lists: Record<'orders' | 'products', string>
