import type { Customer } from '~/utils/contracts/customer'
import type { Product } from '~/utils/contracts/product'
import { type ApiCaller, ApiFailure } from './client'
import { customerNames, menu } from './menu'

/** A restaurant, made through the real API: its people, devices, menu and customers. */

export const password = 'lunch rush demo'

export type Person = { role: string; email: string; userId: string; api: ApiCaller }
export type Device = { role: string; name: string; api: ApiCaller }

export type Restaurant = {
  storeId: string
  path: string
  people: Record<'owner' | 'manager' | 'staff' | 'kitchen', Person>
  devices: Record<'till' | 'wall' | 'kiosk', Device>
  products: Product[]
  customers: Customer[]
}

export async function seed(api: ApiCaller): Promise<Restaurant> {
  const owner = await signUp(api, 'owner', 'Olivia', 'Owens')
  const { id: storeId } = await owner.api.post<{ id: string }>('/stores', {
    name: 'Corner Kitchen',
    currency: 'EUR',
    timezone: 'Europe/Berlin',
    taxRateBps: 1900,
    pricesIncludeTax: true,
  })
  const path = `/stores/${storeId}`
  const join = async (role: 'manager' | 'staff' | 'kitchen', firstName: string, lastName: string) => {
    const person = await signUp(api, role, firstName, lastName)
    await owner.api.post(`${path}/members`, { email: person.email, role })
    return person
  }
  const people = {
    owner,
    manager: await join('manager', 'Marco', 'Bianchi'),
    staff: await join('staff', 'Sofia', 'Larsen'),
    kitchen: await join('kitchen', 'Kenji', 'Mori'),
  }
  const addDevice = async (name: string, role: string): Promise<Device> => {
    const { token } = await people.manager.api.post<{ token: string }>(`${path}/devices`, { name, role })
    return { name, role, api: api.as(token) }
  }
  return {
    storeId,
    path,
    people,
    devices: {
      till: await addDevice('Till at the door', 'staff'),
      wall: await addDevice('Kitchen wall', 'kitchen'),
      kiosk: await addDevice('Kiosk', 'kiosk'),
    },
    products: await seedMenu(people.manager.api, path),
    customers: await seedCustomers(people.staff.api, path),
  }
}

/** Registers somebody, or signs in who is there from an earlier run on the same data. */
async function signUp(api: ApiCaller, role: string, firstName: string, lastName: string): Promise<Person> {
  const email = `${role}@zipzap.example`
  type Signed = { token: string; user: { id: string } }
  const signed = await api.post<Signed>('/auth/register', { email, password, firstName, lastName }).catch((error: unknown) => {
    if (error instanceof ApiFailure && error.code === 'email_taken') return api.post<Signed>('/auth/login', { email, password })
    throw error
  })
  return { role, email, userId: signed.user.id, api: api.as(signed.token) }
}

async function seedMenu(api: ApiCaller, path: string): Promise<Product[]> {
  const products: Product[] = []
  for (const [position, [name, dishes]] of Object.entries(menu).entries()) {
    const category = await api.post<{ id: string }>(`${path}/categories`, { name, position })
    for (const dish of dishes) {
      const sku = `CK-${String(products.length + 1).padStart(3, '0')}`
      products.push(await api.post<Product>(`${path}/products`, { ...dish, sku, categoryId: category.id }))
    }
  }
  return products
}

function seedCustomers(api: ApiCaller, path: string): Promise<Customer[]> {
  return Promise.all(
    customerNames.map(([firstName, lastName], index) =>
      api.post<Customer>(`${path}/customers`, { firstName, lastName, phone: `+49 30 5550 ${String(100 + index)}` }),
    ),
  )
}
