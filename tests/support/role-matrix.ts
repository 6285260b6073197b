import { ApiClient } from './api'
import { createDevice, createOrder, createProduct, createWorld, type TestUser, unique, type World } from './world'

/**
 * Who gets what on every route, as the contract says. A row asks one thing of one route, as each of the callers.
 * What one of them changes is made anew for each, so that none meets what another left behind.
 */

export const callers = ['anonymous', 'stranger', 'owner', 'manager', 'staff', 'kitchen', 'kiosk'] as const
export type Caller = (typeof callers)[number]

export type Scene = World & { kiosk: Awaited<ReturnType<typeof createDevice>>; guest: TestUser; productId: string }

type Asked = { params?: Record<string, string>; body?: unknown; token?: string | undefined }
export type Row = {
  route: string
  /** What is asked for, where a route has several rows. */
  asking?: string
  /** One status for each of the callers, in their order. */
  expected: string
  ask?: (scene: Scene, caller: Caller) => Asked | Promise<Asked>
  /** A store of its own for whoever succeeds: the request changes who belongs to it. */
  changesMembers?: true
}

export const createScene = async (guest: TestUser): Promise<Scene> => {
  const world = await createWorld()
  const [product, kiosk] = [await createProduct(world), await createDevice(world)]
  return { ...world, kiosk, guest, productId: product.id }
}

export const tokenOf = (scene: Scene, caller: Caller): string | undefined => (caller === 'anonymous' ? undefined : scene[caller].token)

/** A session that the request may end: of the same user, or of a device of its own. */
async function newSession(scene: Scene, caller: Caller): Promise<string | undefined> {
  if (caller === 'anonymous') return undefined
  if (caller === 'kiosk') return (await createDevice(scene)).token
  const { email, password } = scene[caller]
  return (await new ApiClient(scene.owner.api.server).post('/auth/login', { email, password })).data.token
}

const made = async (scene: Scene, path: string, body: object): Promise<{ id: string }> => (await scene.owner.api.post(scene.path + path, body)).data
const ofNew =
  (path: string, body: () => object, asked: Asked = {}) =>
  async (scene: Scene) => ({
    ...asked,
    params: { id: (await made(scene, path, body())).id },
  })
const category = (asked?: Asked) => ofNew('/categories', () => ({ name: unique('Category') }), asked)
const product = (asked?: Asked) => ofNew('/products', () => ({ name: unique('Product'), price: 500 }), asked)
const customer = (asked?: Asked) => ofNew('/customers', () => ({ firstName: 'Ada' }), asked)
/** An order of the staff, brought into a status. */
const order =
  (asked: Asked = {}, ...statuses: string[]) =>
  async (scene: Scene) => {
    const { id } = await createOrder(scene, scene.productId)
    for (const status of statuses) await scene.owner.api.post(`${scene.path}/orders/${id}/status`, { status })
    return { ...asked, params: { id } }
  }
const paidOrder = (asked: Asked) => async (scene: Scene) => {
  const { id } = await createOrder(scene, scene.productId)
  await scene.owner.api.post(`${scene.path}/orders/${id}/payments`, { kind: 'payment', method: 'cash', amount: 100 })
  return { ...asked, params: { id } }
}
const toStatus = (status: string, ...before: string[]) => order({ body: { status } }, ...before)
const sending =
  (body: (scene: Scene) => unknown) =>
  (scene: Scene): Asked => ({ body: body(scene) })
const member = (who: 'owner' | 'manager' | 'staff', body?: unknown) => (scene: Scene) => ({ params: { userId: scene[who].id }, body })
const newOrder = (over: object = {}) => sending((scene) => ({ type: 'pickup', items: [{ productId: scene.productId, quantity: 1 }], ...over }))
const guestsSession = async ({ guest }: Scene): Promise<Asked> => ({ params: { id: (await guest.api.get('/auth/session')).data.session.id } })
const unknownToken = (): Asked => ({ params: { token: 'A'.repeat(32) } })

const store = '/api/v1/stores/:storeId'
//               anon stra owne mana staf kitc kiosk
const anybody = '200 200 200 200 200 200 200'
const signedIn = '401 200 200 200 200 200 200'
const everyMember = '401 404 200 200 200 200 200'
const crewReads = '401 404 200 200 200 200 403'
const staffReads = '401 404 200 200 200 403 403'
const managersRead = '401 404 200 200 403 403 403'
const managersMake = '401 404 201 201 403 403 403'

export const matrix: Row[] = [
  { route: 'POST /api/v1/auth/register', expected: '422 422 422 422 422 422 422', ask: () => ({ body: {} }) },
  { route: 'POST /api/v1/auth/login', expected: '422 422 422 422 422 422 422', ask: () => ({ body: {} }) },
  { route: 'POST /api/v1/auth/password-reset', expected: anybody, ask: () => ({ body: { email: 'nobody@zipzap.test' } }) },
  { route: 'POST /api/v1/auth/password-reset/confirm', expected: '422 422 422 422 422 422 422', ask: () => ({ body: {} }) },
  { route: 'POST /api/v1/auth/logout', expected: signedIn, ask: async (scene, caller) => ({ token: await newSession(scene, caller) }) },
  { route: 'GET /api/v1/auth/session', expected: signedIn },
  { route: 'GET /api/v1/users/profile', expected: signedIn },
  { route: 'PATCH /api/v1/users/profile', expected: '401 200 200 200 200 200 403', ask: () => ({ body: {} }) },
  { route: 'PATCH /api/v1/users/password', expected: '401 422 422 422 422 422 403', ask: () => ({ body: {} }) },
  { route: 'PATCH /api/v1/users/email', expected: '401 422 422 422 422 422 403', ask: () => ({ body: {} }) },
  { route: 'GET /api/v1/users/sessions', expected: signedIn },
  { route: 'DELETE /api/v1/users/sessions/:id', asking: "somebody else's", expected: '401 404 404 404 404 404 404', ask: guestsSession },
  { route: 'POST /api/v1/websocket/tickets', expected: '401 201 201 201 201 201 201' },

  { route: 'GET /api/v1/stores', expected: signedIn },
  { route: 'POST /api/v1/stores', expected: '401 201 201 201 201 201 403', ask: () => ({ body: { name: unique('Store') } }) },
  { route: `GET ${store}`, expected: everyMember },
  { route: `PATCH ${store}`, expected: managersRead, ask: () => ({ body: { phone: unique('+49') } }) },

  { route: `GET ${store}/members`, expected: crewReads },
  {
    route: `POST ${store}/members`,
    asking: 'a new staff member',
    expected: managersMake,
    changesMembers: true,
    ask: sending(({ guest }) => ({ email: guest.email, role: 'staff' })),
  },
  {
    route: `POST ${store}/members`,
    asking: 'a new manager',
    expected: '401 404 201 403 403 403 403',
    changesMembers: true,
    ask: sending(({ guest }) => ({ email: guest.email, role: 'manager' })),
  },
  {
    route: `PATCH ${store}/members/:userId`,
    expected: '401 404 200 403 403 403 403',
    changesMembers: true,
    ask: member('staff', { role: 'kitchen' }),
  },
  {
    route: `DELETE ${store}/members/:userId`,
    asking: 'the staff member, who may leave',
    expected: '401 404 200 200 200 403 403',
    changesMembers: true,
    ask: member('staff'),
  },
  {
    route: `DELETE ${store}/members/:userId`,
    asking: 'the manager, who may leave',
    expected: '401 404 200 200 403 403 403',
    changesMembers: true,
    ask: member('manager'),
  },
  { route: `DELETE ${store}/members/:userId`, asking: 'the last owner', expected: '401 404 409 403 403 403 403', ask: member('owner') },
  { route: `GET ${store}/devices`, expected: managersRead },
  { route: `POST ${store}/devices`, expected: managersMake, ask: () => ({ body: { name: unique('Device'), role: 'staff' } }) },
  {
    route: `DELETE ${store}/devices/:userId`,
    expected: managersRead,
    ask: async (scene) => ({ params: { userId: (await createDevice(scene)).id } }),
  },

  { route: `GET ${store}/categories`, expected: everyMember },
  { route: `POST ${store}/categories`, expected: managersMake, ask: () => ({ body: { name: unique('Category') } }) },
  { route: `GET ${store}/categories/:id`, expected: everyMember, ask: category() },
  { route: `PATCH ${store}/categories/:id`, expected: managersRead, ask: category({ body: { position: 7 } }) },
  { route: `DELETE ${store}/categories/:id`, expected: managersRead, ask: category() },
  { route: `GET ${store}/products`, expected: everyMember },
  { route: `POST ${store}/products`, expected: managersMake, ask: () => ({ body: { name: unique('Product'), price: 1 } }) },
  { route: `GET ${store}/products/:id`, expected: everyMember, ask: product() },
  { route: `PATCH ${store}/products/:id`, asking: 'another price', expected: managersRead, ask: product({ body: { price: 2 } }) },
  { route: `PATCH ${store}/products/:id`, asking: 'another stock', expected: crewReads, ask: product({ body: { stock: 2, isAvailable: false } }) },
  { route: `DELETE ${store}/products/:id`, expected: managersRead, ask: product() },

  { route: `GET ${store}/customers`, expected: staffReads },
  { route: `POST ${store}/customers`, expected: '401 404 201 201 201 403 403', ask: () => ({ body: { firstName: 'Ada' } }) },
  { route: `GET ${store}/customers/:id`, expected: staffReads, ask: customer() },
  { route: `PATCH ${store}/customers/:id`, expected: staffReads, ask: customer({ body: { note: 'x' } }) },
  { route: `DELETE ${store}/customers/:id`, expected: staffReads, ask: customer() },
  { route: `GET ${store}/customers/:id/export`, expected: managersRead, ask: customer() },

  { route: `GET ${store}/orders`, expected: everyMember },
  { route: `POST ${store}/orders`, asking: 'an order', expected: '401 404 201 201 201 403 201', ask: newOrder() },
  { route: `POST ${store}/orders`, asking: 'one with a discount', expected: '401 404 201 201 201 403 403', ask: newOrder({ discount: 1 }) },
  { route: `GET ${store}/orders/:id`, asking: 'that staff took', expected: '401 404 200 200 200 200 404', ask: order() },
  { route: `PATCH ${store}/orders/:id`, expected: staffReads, ask: order({ body: { note: 'x' } }) },
  { route: `POST ${store}/orders/:id/status`, asking: 'confirmed', expected: crewReads, ask: toStatus('confirmed') },
  { route: `POST ${store}/orders/:id/status`, asking: 'a counter sale', expected: staffReads, ask: toStatus('completed') },
  { route: `POST ${store}/orders/:id/status`, asking: 'cancelled while pending', expected: crewReads, ask: toStatus('cancelled') },
  { route: `POST ${store}/orders/:id/status`, asking: 'cancelled while preparing', expected: managersRead, ask: toStatus('cancelled', 'preparing') },
  { route: `POST ${store}/orders/:id/status`, asking: 'a recall', expected: crewReads, ask: toStatus('preparing', 'preparing', 'ready') },
  { route: `POST ${store}/orders/:id/status`, asking: 'to reopen', expected: managersRead, ask: toStatus('ready', 'completed') },
  {
    route: `POST ${store}/orders/:id/status`,
    asking: 'the impossible',
    expected: '401 404 409 409 409 409 403',
    ask: toStatus('confirmed', 'rejected'),
  },
  { route: `GET ${store}/orders/:id/payments`, expected: staffReads, ask: order() },
  {
    route: `POST ${store}/orders/:id/payments`,
    asking: 'a payment',
    expected: '401 404 201 201 201 403 403',
    ask: order({ body: { kind: 'payment', method: 'cash', amount: 1 } }),
  },
  {
    route: `POST ${store}/orders/:id/payments`,
    asking: 'a refund',
    expected: managersMake,
    ask: paidOrder({ body: { kind: 'refund', method: 'cash', amount: 1 } }),
  },
  { route: 'GET /api/v1/track/:token', asking: 'a token that nobody has', expected: '404 404 404 404 404 404 404', ask: unknownToken },

  { route: `GET ${store}/snapshot`, expected: everyMember },
  { route: `GET ${store}/events`, expected: everyMember },
  { route: `GET ${store}/presence`, expected: crewReads },
  { route: `GET ${store}/audit`, expected: '401 404 200 403 403 403 403' },
  { route: `POST ${store}/notifications`, expected: managersMake, ask: () => ({ body: { message: 'Hello', level: 'info' } }) },

  ...[
    '/api/v1/websocket/stats',
    '/api/v1/websocket/health',
    '/health',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/openapi.json',
    '/asyncapi.json',
    '/docs',
    '/docs/start.js',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-bundle.js',
    '/docs/favicon-32x32.png',
    '/console/icon.svg',
    '/console',
    '/console/*',
    '/track/:token',
  ].map((path) => ({ route: `GET ${path}`, expected: anybody, ask: unknownToken })),
  { route: 'GET /docs/', expected: '308 308 308 308 308 308 308' },
  { route: 'GET /console/assets/:file', expected: '404 404 404 404 404 404 404', ask: () => ({ params: { file: 'nothing.js' } }) },
]
