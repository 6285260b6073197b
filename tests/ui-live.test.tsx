import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, StrictMode, useState } from 'react'
import type { Root } from 'react-dom/client'
import { WebSocketStatusIndicator } from '~/components/websocket-status'
import { useLiveCustomers, useLiveOrders, useLiveProducts, usePresence } from '~/hooks/use-live'
import { useWebSocketEvent } from '~/hooks/use-websocket'
import { WebSocketProvider, type WebSocketProviderProps } from '~/providers/websocket-provider'
import { ZipZapClient } from '~/ui/client/client'
import { MemoryOutboxStorage, Outbox } from '~/ui/client/outbox'
import { ApiError, RestClient } from '~/ui/client/rest'
import { cuttable } from './support/cuttable'
import { appears, type Dom, openDom } from './support/dom'
import { testServer } from './support/server'
import { createOrder, createProduct, createWorld, type TestUser, type World } from './support/world'

let dom: Dom
let createRoot: typeof import('react-dom/client').createRoot
let world: World
let way: Awaited<ReturnType<typeof cuttable>>
const roots: Root[] = []

beforeAll(async () => {
  dom = openDom('http://zipzap.test/')
  createRoot = (await import('react-dom/client')).createRoot
  way = await cuttable(await testServer())
})
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => {
  for (const root of roots.splice(0)) root.unmount()
})
afterAll(async () => {
  await way.stop()
  await dom.close()
})

const restOf = (user: TestUser, baseUrl = way.url) => new RestClient({ baseUrl, getToken: () => user.token })

function mount(user: TestUser, children: ReactNode, more: Partial<WebSocketProviderProps> = {}): void {
  const root = createRoot(document.body.appendChild(document.createElement('div')))
  roots.push(root)
  root.render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <WebSocketProvider baseUrl={way.url} getToken={() => user.token} userId={user.id} storeId={world.storeId} reconnectInterval={20} {...more}>
          {children}
        </WebSocketProvider>
      </QueryClientProvider>
    </StrictMode>,
  )
}

const shows = (text: string) => appears(() => document.body.textContent?.includes(text))

function Orders({ storeId, status }: { storeId: string; status?: 'pending' | 'ready' }) {
  const { data, isLive, pending } = useLiveOrders(storeId, status ? { status: [status] } : {})
  return (
    <p>
      [{data?.map((order) => `${order.orderNumber} ${order.status}`).join(', ')}] {isLive ? 'live' : 'old'} {pending.length} pending
    </p>
  )
}

function Catalogue() {
  const products = useLiveProducts(world.storeId, { available: true })
  const customers = useLiveCustomers(world.storeId)
  const presence = usePresence(world.storeId)
  return (
    <p>
      {products.data?.map((product) => product.name).join(',')} | {customers.data?.map((customer) => customer.firstName).join(',')} |{' '}
      {presence.data?.map((user) => user.role).join(',')}
    </p>
  )
}

const setStatus = (orderId: string, status: string) => world.staff.api.post(`${world.path}/orders/${orderId}/status`, { status })

test('live orders begin with what is there and follow every change that their filter lets in or out', async () => {
  const product = await createProduct(world)
  const first = await createOrder(world, product.id)
  mount(world.manager, <Orders storeId={world.storeId} status="pending" />)
  await shows('[1001 pending] live')
  await createOrder(world, product.id)
  await shows('[1002 pending, 1001 pending] live')
  await setStatus(first.id, 'confirmed')
  await shows('[1002 pending] live')
})

test('after an outage the list is exact, whatever happened meanwhile', async () => {
  const product = await createProduct(world)
  const first = await createOrder(world, product.id)
  mount(world.staff, <Orders storeId={world.storeId} />)
  await shows('[1001 pending] live')
  way.refuse()
  await shows('old')
  await setStatus(first.id, 'rejected')
  const second = await createOrder(world, product.id)
  await createOrder(world, product.id)
  await setStatus(second.id, 'confirmed')
  way.restore()
  await shows('[1003 pending, 1002 confirmed] live')
})

/** Answers of this list wait, already read, until they are let go. */
function holdAnswers(path: string): { read: Promise<void>; release(): void } {
  const read = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const real = globalThis.fetch
  const held = async (url: string, init?: RequestInit): Promise<Response> => {
    const response = await real(url, init)
    if (!url.includes(path)) return response
    read.resolve()
    await gate.promise
    return response
  }
  globalThis.fetch = Object.assign(held, { preconnect: real.preconnect }) as typeof fetch
  return {
    read: read.promise,
    release() {
      globalThis.fetch = real
      gate.resolve()
    },
  }
}

test('what happens between the reading of a list and its following is not missed', async () => {
  const product = await createProduct(world)
  const server = await testServer()
  way.refuse()
  const answers = holdAnswers('/orders?')
  mount(world.staff, <Orders storeId={world.storeId} />, { baseUrl: server.base, url: way.ws })
  await answers.read
  await createOrder(world, product.id)
  answers.release()
  await shows('[] old')
  way.restore()
  await shows('[1001 pending] live')
})

/** Says Live, and how many events of orders came. */
function EventCount() {
  const [count, setCount] = useState(0)
  useWebSocketEvent('*', (event) => event.type.startsWith('order_') && setCount((known) => known + 1))
  return (
    <section>
      <WebSocketStatusIndicator /> {count} told
    </section>
  )
}

test('what happens while a list is being read is not missed', async () => {
  const product = await createProduct(world)
  mount(world.staff, <EventCount />)
  await shows('Live 0 told')
  const answers = holdAnswers('/orders?')
  mount(world.staff, <Orders storeId={world.storeId} />)
  await answers.read
  await createOrder(world, product.id)
  const { id } = await createOrder(world, product.id)
  await setStatus(id, 'confirmed')
  await shows('Live 3 told')
  answers.release()
  await shows('[1002 confirmed, 1001 pending] live')
})

test('a store that is not the connection’s own is joined while it is looked at', async () => {
  const product = await createProduct(world)
  await createOrder(world, product.id)
  mount(world.owner, <Orders storeId={world.storeId} />, { storeId: null })
  await shows('[1001 pending] live')
  await createOrder(world, product.id)
  await shows('[1002 pending, 1001 pending] live')
})

test('products, customers and presence follow the store', async () => {
  const product = await createProduct(world, { name: 'Soup' })
  mount(world.manager, <Catalogue />)
  await shows('Soup |  | manager')
  await world.manager.api.post(`${world.path}/customers`, { firstName: 'Ada' })
  await shows('Soup | Ada | manager')
  await world.staff.api.patch(`${world.path}/products/${product.id}`, { isAvailable: false })
  await shows(' | Ada | manager')
})

test('who comes while presence is being read for the first time is there', async () => {
  const server = await testServer()
  way.refuse()
  const answers = holdAnswers('/presence')
  const both = (
    <>
      <Catalogue />
      <EventCount />
    </>
  )
  mount(world.manager, both, { baseUrl: server.base, url: way.ws })
  await answers.read
  way.restore()
  await shows('Live')
  answers.release()
  await shows('| manager')
})

test('a write made offline is pending, survives the page, and is done once when the network is back', async () => {
  const product = await createProduct(world)
  const storage = new MemoryOutboxStorage()
  const rest = restOf(world.staff)
  const first = new Outbox({ owner: world.staff.id, storage, rest })
  mount(world.staff, <Orders storeId={world.storeId} />, { outbox: first })
  await shows('[] live 0 pending')
  way.refuse()
  const route = 'POST /stores/{storeId}/orders'
  const body = { type: 'pickup' as const, items: [{ productId: product.id, quantity: 1 }] }
  await first.add(route, { params: { storeId: world.storeId }, body: { ...body, note: 'first' } })
  await shows('1 pending')
  await first.add(route, { params: { storeId: world.storeId }, body: { ...body, note: 'second' } })
  await shows('2 pending')
  first.stop()

  way.restore()
  const second = new Outbox({ owner: world.staff.id, storage, rest })
  await second.flush()
  expect(second.getSnapshot().pending).toEqual([])
  await shows('[1002 pending, 1001 pending] live')
  const { data } = await rest.call('GET /stores/{storeId}/orders', { params: { storeId: world.storeId } })
  expect(data.map((order) => order.note)).toEqual(['second', 'first'])
})

test('an answer that was lost on the way is asked for again, and the write is not done twice', async () => {
  const product = await createProduct(world)
  const rest = restOf(world.staff)
  let calls = 0
  const storage = new MemoryOutboxStorage()
  const lossy: Pick<RestClient, 'call'> = {
    call: async (...given) => {
      calls += 1
      const answer = await rest.call(...given)
      if (calls === 1) throw new ApiError(0, 'network', 'The answer was lost')
      return answer
    },
  }
  const outbox = new Outbox({ owner: world.staff.id, storage, rest: lossy })
  const { answer } = await outbox.add('POST /stores/{storeId}/orders', {
    params: { storeId: world.storeId },
    body: { type: 'pickup', items: [{ productId: product.id, quantity: 1 }] },
  })
  expect(await answer).toMatchObject({ isReplay: true, data: { orderNumber: '1001' } })
  expect(calls).toBe(2)
  outbox.stop()
})

test('a refused write is set aside with its reason, the next one goes on, and nobody else’s are sent', async () => {
  const product = await createProduct(world)
  const storage = new MemoryOutboxStorage()
  const strangers = new Outbox({ owner: 'somebody else', storage, rest: { call: () => Promise.reject(new ApiError(0, 'network', '')) } })
  const params = { storeId: world.storeId }
  await strangers.add('POST /stores/{storeId}/notifications', { params, body: { message: 'not mine', level: 'info' } })
  strangers.stop()
  const outbox = new Outbox({ owner: world.staff.id, storage, rest: restOf(world.staff) })
  const items = [{ productId: product.id, quantity: 1 }]
  const refused = await outbox.add('POST /stores/{storeId}/orders', { params, body: { type: 'pickup', items, discount: 99_999 } })
  const taken = await outbox.add('POST /stores/{storeId}/orders', { params, body: { type: 'pickup', items } })
  expect((await taken.answer).data.orderNumber).toBe('1001')
  expect(await refused.answer.catch((error: ApiError) => error.code)).toBe('validation_failed')
  expect(outbox.getSnapshot()).toMatchObject({ pending: [], failed: [{ key: refused.key, failure: { status: 422 } }] })
  await outbox.dismiss(refused.key)
  expect(outbox.getSnapshot().failed).toEqual([])
  expect(await storage.list('somebody else')).toHaveLength(1)
  outbox.stop()
})

test('the client resumes over a real server through cuts, and sees each event once', async () => {
  const client = new ZipZapClient({
    url: way.ws,
    identify: () => ({ userId: world.manager.id, storeId: world.storeId, credential: world.manager.token }),
    reconnectIntervalMs: 10,
    logger: {},
  })
  const seqs: number[] = []
  client.on('*', (frame) => 'seq' in frame && frame.stream === world.stream && seqs.push(frame.seq))
  const reaches = (seq: number) =>
    new Promise<void>((resolve) => {
      const end = client.on('*', (frame) => {
        if (!('seq' in frame) || frame.seq < seq) return
        end()
        resolve()
      })
    })
  const live = () =>
    new Promise<void>((resolve) => {
      const look = () => client.getSnapshot().state === 'live' && resolve()
      client.subscribe(look)
      look()
    })
  client.start()
  await live()
  const from = client.coverage(world.stream)?.seq ?? 0
  for (let round = 1; round <= 3; round += 1) {
    const arrived = reaches(from + round * 2)
    way.refuse()
    await createProduct(world)
    way.restore()
    await createProduct(world)
    await arrived
  }
  expect(seqs).toEqual([1, 2, 3, 4, 5, 6].map((index) => from + index))
  client.stop()
})

test('every route that the REST client knows is one that the server documents', async () => {
  const source = await Bun.file(`${import.meta.dir}/../ui/client/rest-routes.ts`).text()
  const document = await (await fetch(`${(await testServer()).base}/openapi.json`)).json()
  const documented = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
  )
  const known = [...source.matchAll(/^ {2}'([A-Z]+ [^']+)':/gm)].map((match) => match[1])
  expect(known.length).toBeGreaterThan(40)
  expect(documented).toEqual(expect.arrayContaining(known))
})

test('the REST client says what was refused and why', async () => {
  const rest = restOf(world.manager)
  const refusal = await rest
    .call('POST /stores/{storeId}/categories', { params: { storeId: world.storeId }, body: { name: '' } })
    .catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(ApiError)
  expect(refusal).toMatchObject({ status: 422, code: 'validation_failed', details: [{ path: 'name' }], isPassing: false })
  const nobody = await new RestClient({ baseUrl: way.url }).identify().catch((error: Error) => error.name)
  expect(nobody).toBe('NotSignedIn')
})
