import { ApiClient } from './api'
import type { ControlledServer } from './controlled'
import { type Filter, judge, type LogRow, logColumns, type Role, StreamLog } from './entitlement'
import { type Recall, StreamClient } from './stream-client'

/**
 * The world of one random run: two stores, three people with a socket each, and everything that may happen to them. The
 * hub may do with a client what it likes, as long as the judge finds nothing at the end.
 */

export type Person = { id: string; email: string; password: string; token: string }
export type Cast = { server: ControlledServer; owner: Person; people: Person[] }

const password = 'correct horse battery'
let registered = 0

export async function registerCast(server: ControlledServer): Promise<Cast> {
  const register = async (firstName: string): Promise<Person> => {
    const email = `${firstName}-${++registered}-${server.pid}@zipzap.test`.toLowerCase()
    const { data } = await server.api().post('/auth/register', { email, password, firstName })
    return { id: data.user.id, email, password, token: data.token }
  }
  const [owner, ...people] = await Promise.all(['Olga', 'Mo', 'Kim'].map(register))
  if (!owner) throw new Error('nobody was registered')
  return { server, owner, people: [owner, ...people] }
}

export type Step =
  | {
      do: 'write'
      store: number
      what: 'category' | 'product' | 'customer' | 'order' | 'status' | 'notification' | 'profile'
      times: number
      waits: boolean
    }
  | { do: 'connect'; who: number; store: number; filter: Filter | null; recall: Recall; waits: boolean }
  | { do: 'authenticate'; who: number; store: number; filter: Filter | null; recall: 'memory' | 'nothing' }
  | { do: 'subscribe'; who: number; store: number; filter: Filter | null; withResume: boolean }
  | { do: 'unsubscribe' | 'ack'; who: number; store: number }
  | { do: 'cut' | 'close' | 'forget' | 'pause' | 'resume' | 'logout' | 'fallSilent'; who: number }
  | { do: 'pretend'; who: number; store: number; ahead: number }
  | { do: 'role'; who: number; store: number; role: 'manager' | 'staff' | 'kitchen' | null }
  | { do: 'prune'; store: number; share: number }
  | { do: 'epoch'; store: number }
  | { do: 'stall'; ms: number }
  | { do: 'flood'; store: number; who: number }
  | { do: 'restart' }
  | { do: 'settle' }

export type Store = { id: string; path: string; productId: string; orders: string[] }

/** A socket that is left alone must be at the head by then: a heartbeat, a reconciliation, and a slow machine. */
const patienceMs = 15_000

export class ModelRun {
  readonly clients: StreamClient[] = []
  private readonly stores: Store[] = []
  private readonly logs = new Map<string, StreamLog>()
  private readonly pruned = new Map<string, number>()
  private writes: Promise<unknown>[] = []
  private counter = 0
  readonly faults: string[] = []

  private constructor(private readonly cast: Cast) {}

  static async begin(cast: Cast): Promise<ModelRun> {
    const run = new ModelRun(cast)
    const { server, owner, people } = cast
    const api = server.api(owner.token)
    for (const name of ['First', 'Second']) {
      const { data } = await api.post('/stores', { name })
      const path = `/stores/${data.id}`
      const [, , product] = await Promise.all([
        api.post(`${path}/members`, { email: people[1]?.email, role: 'staff' }),
        api.post(`${path}/members`, { email: people[2]?.email, role: 'kitchen' }),
        api.post(`${path}/products`, { name: 'Soup', price: 500 }),
      ])
      run.stores.push({ id: data.id, path, productId: product.data.id, orders: [] })
      run.logs.set(`store:${data.id}`, new StreamLog(new Map<string, Role>([[owner.id, 'owner']])))
    }
    for (const person of people) {
      run.logs.set(`user:${person.id}`, new StreamLog())
      const world = { port: () => server.port, prunedSeq: (stream: string) => run.pruned.get(stream) ?? 0 }
      run.clients.push(new StreamClient(person.email, person.id, person.token, world))
    }
    return run
  }

  api(person = this.cast.owner): ApiClient {
    return new ApiClient(this.cast.server.origin, person.token)
  }

  store(index: number): Store {
    const store = this.stores[index % this.stores.length]
    if (!store) throw new Error('there are no stores')
    return store
  }

  client(index: number): StreamClient {
    const client = this.clients[index % this.clients.length]
    if (!client) throw new Error('there are no clients')
    return client
  }

  async perform(step: Step): Promise<void> {
    for (const client of this.clients) client.story.push(`— ${JSON.stringify(step)}`)
    switch (step.do) {
      case 'write':
        return this.write(step)
      case 'connect':
        return this.connect(step)
      case 'authenticate':
        return this.client(step.who).authenticate({ ...step, storeId: this.store(step.store).id })
      case 'subscribe':
        return this.client(step.who).subscribe(this.store(step.store).id, step.filter, step.withResume)
      case 'unsubscribe':
        return this.client(step.who).unsubscribe(this.store(step.store).id)
      case 'ack':
        return this.client(step.who).acknowledge(`store:${this.store(step.store).id}`)
      case 'cut':
      case 'close':
      case 'forget':
      case 'pause':
      case 'resume':
        return this.client(step.who)[step.do]()
      case 'fallSilent':
        return this.fallSilent(this.client(step.who))
      case 'pretend':
        return this.pretend(step)
      case 'logout':
        return this.logout(step.who)
      case 'role':
        return this.giveRole(step)
      case 'prune':
        return this.prune(step)
      case 'epoch':
        return this.changeEpoch(`store:${this.store(step.store).id}`)
      case 'stall':
        this.writes.push(this.cast.server.stall(step.ms))
        return
      case 'flood':
        return this.flood(step)
      case 'restart':
        await this.settle()
        return this.cast.server.restart()
      case 'settle':
        return this.settle()
    }
  }

  private async connect({ who, store, filter, recall, waits }: Step & { do: 'connect' }): Promise<void> {
    const client = this.client(who)
    await client.connect({ storeId: this.store(store).id, filter, recall }).catch(() => {})
    if (waits) await client.until(() => !client.isBusy, patienceMs)
  }

  /** A position that nobody ever gave. */
  private pretend({ who, store, ahead }: Step & { do: 'pretend' }): void {
    const client = this.client(who)
    const stream = `store:${this.store(store).id}`
    const known = client.positions.get(stream)
    if (known && !client.isConnected) client.positions.set(stream, { epoch: known.epoch, seq: known.seq + ahead })
  }

  // Writes

  private async write({ store, what, times, waits }: Step & { do: 'write' }): Promise<void> {
    // An idle connection that the server ends just when it is used again costs a write, and nobody a thing: the log counts.
    const writes = Array.from({ length: times }, () => this.writeOne(this.store(store), what).catch(() => {}))
    this.writes.push(...writes)
    if (waits) await Promise.all(writes)
  }

  private async writeOne(store: Store, what: (Step & { do: 'write' })['what']): Promise<void> {
    const n = ++this.counter
    const api = this.api()
    switch (what) {
      case 'category':
        return void (await api.post(`${store.path}/categories`, { name: `Category ${n}` }))
      case 'product':
        return void (await api.patch(`${store.path}/products/${store.productId}`, { price: n }))
      case 'customer':
        return void (await api.post(`${store.path}/customers`, { firstName: `Guest ${n}` }))
      case 'notification':
        return void (await api.post(`${store.path}/notifications`, { message: `Notice ${n}`, level: 'info' }))
      case 'profile':
        return void (await Promise.all(this.cast.people.map((person) => this.api(person).patch('/users/profile', { firstName: `Name ${n}` }))))
      case 'order': {
        const type = n % 2 === 0 ? 'pickup' : 'dine_in'
        const { data } = await api.post(`${store.path}/orders`, { type, items: [{ productId: store.productId, quantity: 1 }] })
        store.orders.push(data.id)
        return
      }
      case 'status': {
        const orderId = store.orders[n % store.orders.length]
        if (orderId) await api.post(`${store.path}/orders/${orderId}/status`, { status: n % 3 === 0 ? 'completed' : 'confirmed' })
      }
    }
  }

  /** More than may be owed to a socket that follows all of the store and does not read. */
  private async flood({ who, store: index }: Step & { do: 'flood' }): Promise<void> {
    const [store, client] = [this.store(index), this.client(who)]
    client.resume()
    await this.connect({ do: 'connect', who, store: index, filter: null, recall: 'memory', waits: true })
    client.subscribe(store.id, null, false)
    await client.until(() => !client.isBusy, patienceMs)
    client.pause()
    const options = Array.from({ length: 50 }, (_, index) => ({ id: `o${index}`, name: 'x'.repeat(120), priceDelta: 0 }))
    const modifierGroups = Array.from({ length: 20 }, (_, index) => ({ id: `g${index}`, name: 'y'.repeat(120), min: 0, max: 1, options }))
    const { data } = await this.api().post(`${store.path}/products`, { name: 'Fat', price: 1, modifierGroups })
    for (let price = 2; price < 45; price++) await this.api().patch(`${store.path}/products/${data.id}`, { price })
  }

  /** Until all writes are answered. */
  async settle(): Promise<void> {
    const writes = this.writes
    this.writes = []
    await Promise.all(writes)
  }

  // Rights

  private async giveRole({ who, store, role }: Step & { do: 'role' }): Promise<void> {
    const person = this.cast.people[1 + (who % 2)]
    const { path } = this.store(store)
    if (!person) return
    if (role === null) await this.api().delete(`${path}/members/${person.id}`)
    else if ((await this.api().patch(`${path}/members/${person.id}`, { role })).status === 404)
      await this.api().post(`${path}/members`, { email: person.email, role })
    // What only some roles may see shows which one counts.
    await this.writeOne(this.store(store), 'customer')
  }

  private async logout(who: number): Promise<void> {
    const client = this.client(who)
    const person = this.cast.people[who % this.cast.people.length]
    if (!person) return
    await this.settle()
    const wasAuthenticated = client.active.size > 0
    await this.api({ ...person, token: client.token }).post('/auth/logout')
    if (wasAuthenticated) {
      client.resume()
      if (!(await client.until(() => !client.isConnected, patienceMs))) this.faults.push(`${client.name}: a logout left the socket open`)
    }
    const { data } = await this.api().post('/auth/login', { email: person.email, password: person.password })
    client.token = data.token
    person.token = data.token
  }

  private async fallSilent(client: StreamClient): Promise<void> {
    if (!client.isConnected) return
    client.resume()
    client.fallSilent()
    if (!(await client.until(() => !client.isConnected, patienceMs))) this.faults.push(`${client.name}: a silent socket stayed open`)
  }

  // What befalls the log

  /** Reads what was logged since the last look. */
  private async readLog(): Promise<void> {
    for (const [stream, log] of this.logs) {
      log.add(await this.cast.server.sql<LogRow>(`select ${logColumns} from events where stream = '${stream}' and seq > ${log.last} order by seq`))
    }
  }

  private async prune({ store, share }: Step & { do: 'prune' }): Promise<void> {
    const stream = `store:${this.store(store).id}`
    await this.readLog()
    const upTo = Math.floor((this.logs.get(stream)?.last ?? 0) * share)
    this.pruned.set(stream, Math.max(upTo, this.pruned.get(stream) ?? 0))
    await this.cast.server.sql(`with gone as (delete from events where stream = '${stream}' and seq <= ${upTo} returning seq)
      update streams set pruned_seq = greatest(pruned_seq, ${upTo}) where stream = '${stream}'`)
  }

  private async changeEpoch(stream: string): Promise<void> {
    await this.cast.server.sql(`update streams set epoch = '${crypto.randomUUID()}' where stream = '${stream}'`)
  }

  // The end

  /** Lets everything come to rest, and judges. Answers what is wrong, with the stories of those it concerns. */
  async finish(): Promise<string[]> {
    await this.settle()
    for (const who of [0, 1]) await this.giveRole({ do: 'role', who, store: 0, role: 'staff' })
    await Promise.all(this.clients.map((client) => this.comeToRest(client)))
    await this.readLog()
    for (const client of this.clients) {
      this.faults.push(...client.faults.map((fault) => `${client.name}: ${fault}`))
      for (const run of client.runs) {
        const log = this.logs.get(run.stream)
        if (log) this.faults.push(...judge(run, log).map((fault) => `${client.name}: ${fault}`))
      }
      client.cut()
    }
    return this.faults
  }

  /** A client that goes on trying gets to the head of all it follows, and to that of its own stream at least. */
  private async comeToRest(client: StreamClient): Promise<void> {
    client.resume()
    const heads = new Map(
      (await this.cast.server.sql<{ stream: string; seq: number }>('select stream, last_seq::float8 as seq from streams')).map((head) => [
        head.stream,
        head.seq,
      ]),
    )
    const isThere = () =>
      client.active.size > 0 &&
      [...client.active].every(([stream, run]) => run.liveFrom !== null && (client.positions.get(stream)?.seq ?? 0) >= (heads.get(stream) ?? 0))
    const deadline = performance.now() + patienceMs
    while (!isThere() && performance.now() < deadline) {
      if (!client.isConnected) await client.connect({ storeId: this.store(0).id }).catch(() => {})
      const isRefused = () => !client.isBusy && client.active.size === 0
      await client.until(() => isThere() || !client.isConnected || isRefused(), 2_000)
      if (isRefused()) client.cut()
      // A refusal that says "try again" means in a while, and a server that restarts refuses connections at once.
      if (!client.isConnected) await Bun.sleep(50)
    }
    const followed = [...client.active.keys()].map((stream) => `${stream}: ${client.positions.get(stream)?.seq} of ${heads.get(stream)}`)
    if (!isThere()) this.faults.push(`${client.name} did not come to rest: ${followed.join(', ') || client.errors.at(-1)}`)
  }

  story(): string {
    return this.clients.map((client) => `== ${client.name}\n${client.story.join('\n')}`).join('\n')
  }
}
