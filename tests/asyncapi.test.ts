import { beforeAll, describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { maxMessageBytes, maxSocketsPerUser, maxSubscriptions } from '~/realtime/limits'
import { parseMessage } from '~/realtime/protocol'
import { subprotocol } from '~/realtime/upgrade'
import { describeSocket } from '~/routes/asyncapi'
import { loadConfig } from '~/utils/config'
import { applicationEventTypes } from '~/utils/contracts/event-types'
import { clientMessages } from '~/utils/contracts/messages'
import { closeCodes, wsErrors } from '~/utils/contracts/ws-codes'
import { endFaults } from './support/faults'
import { faultOf, typesOf } from './support/frames'
import { RawSocket } from './support/raw-socket'
import { type TestServer, testServer } from './support/server'

// biome-ignore lint/suspicious/noExplicitAny: the document is walked as whatever JSON came
type Json = any

let server: TestServer
let document: Json
beforeAll(async () => {
  server = await testServer()
  document = await (await fetch(`${server.base}/asyncapi.json`)).json()
})

const protocolTypes = ['ping', 'pong', 'ack', 'sync', 'subscribed', 'unsubscribed', 'session_expiring', 'goaway', 'error']

const typesFrom = (sender: 'client' | 'server') =>
  Object.entries<Json>(document.components.messages).flatMap(([id, message]) => (id.startsWith(sender) ? typesOf(message) : []))

const sorted = (values: Iterable<unknown>) => [...new Set(values)].map(String).sort()

describe('/asyncapi.json', () => {
  test('is AsyncAPI 3.0 without an error or a warning of the official parser', async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document))
    // The parser knows 3.1 and says so of every 3.0.
    expect(diagnostics.map(({ code }) => code).filter((code) => code !== 'asyncapi-latest-version')).toEqual([])
    expect(parsed?.version()).toBe('3.0.0')
  })

  test('names every type that clients may send, and every one that they get', () => {
    expect(sorted(typesFrom('client'))).toEqual(sorted(Object.keys(clientMessages)))
    expect(sorted(typesFrom('server'))).toEqual(sorted([...applicationEventTypes, ...protocolTypes]))
  })

  test('has each message in the channel and in one operation of its direction', () => {
    const operations = Object.values<Json>(document.operations)
    const ids = Object.keys(document.components.messages)
    expect(Object.keys(document.channels.socket.messages)).toEqual(ids)
    for (const id of ids) {
      const using = operations.filter((operation) => operation.messages.some(({ $ref }: Json) => $ref === `#/channels/socket/messages/${id}`))
      expect(using.map((operation) => operation.action)).toEqual([id.startsWith('client') ? 'receive' : 'send'])
    }
  })

  test('documents every close code and every error code, as a table for people and for programs', () => {
    const { description, ...socket } = document.channels.socket
    expect(socket['x-close-codes']).toEqual(JSON.parse(JSON.stringify(closeCodes)))
    expect(socket['x-error-codes']).toEqual(wsErrors)
    for (const code of [...Object.keys(closeCodes), ...Object.keys(wsErrors)]) expect(description).toContain(`\n| ${code} |`)
  })

  test('promises the limits and the subprotocol of the hub', () => {
    const { description, ...socket } = document.channels.socket
    expect(socket['x-subprotocol']).toBe(subprotocol)
    expect(description).toContain(`\`${subprotocol}\``)
    for (const limit of [`${maxMessageBytes / 1024} KiB a message`, `${maxSubscriptions} subscriptions`, `${maxSocketsPerUser} sockets a user`])
      expect(description).toContain(limit)
  })

  test('names the path, the ports and the cookie of this configuration', () => {
    const described = describeSocket(loadConfig({ NODE_ENV: 'production', PORT: '8001', WS_PORT: '8002', WS_PATH: '/live' }))
    expect(described.channels.socket.address).toBe('/live')
    expect(described.servers).toMatchObject({ plain: { variables: { port: { enum: ['8001', '8002'] } } } })
    expect(described.components.securitySchemes.cookie.name).toBe('__Host-zipzap_session')
  })

  test('gives examples that the hub understands', () => {
    const examples = Object.values<Json>(document.components.messages).flatMap((message) => message.examples ?? [])
    expect(examples).toHaveLength(Object.keys(clientMessages).length)
    for (const { payload } of examples) expect(parseMessage(JSON.stringify(payload))).toHaveProperty('message.type', payload.type)
  })

  test('is served with an entity tag and not sent again to who has it', async () => {
    const first = await fetch(`${server.base}/asyncapi.json`)
    expect(first.headers.get('content-type')).toBe('application/json')
    const again = await fetch(`${server.base}/asyncapi.json`, { headers: { 'If-None-Match': first.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })
})

describe('the hub', () => {
  test('closes with codes of the table only', async () => {
    const used: string[] = []
    const root = resolve(import.meta.dir, '..')
    for await (const path of new Bun.Glob('realtime/**/*.ts').scan({ cwd: root, absolute: true })) {
      const source = await Bun.file(path).text()
      used.push(...[...source.matchAll(/\bclose\(\s*(\d+)/g)].map((match) => match[1] ?? ''))
    }
    expect(used.length).toBeGreaterThan(5)
    expect(sorted(used).filter((code) => !(code in closeCodes))).toEqual([])
  })
})

describe('the check of every frame', () => {
  const id = '0199a2b4-7c1e-7d3a-8f00-5b6c7d8e9f01'
  const timestamp = '2026-01-01T12:00:00.000Z'
  const category = { id, storeId: id, name: 'Soups', position: 0, isActive: true, version: 1, createdAt: timestamp, updatedAt: timestamp }
  const position = { id, stream: `store:${id}`, epoch: 'e1', seq: 1 }
  const frame = {
    type: 'category_updated',
    data: { action: 'created', categoryId: id, category },
    timestamp,
    userId: id,
    storeId: id,
    ...position,
  }
  const notification = {
    type: 'general_notification',
    data: { message: 'Hi', level: 'info', notificationId: id },
    timestamp,
    storeId: id,
    ...position,
  }

  test('lets the frames of the contract pass', () => {
    expect(faultOf('server', frame)).toBeUndefined()
    expect(faultOf('server', notification)).toBeUndefined()
    expect(faultOf('server', { type: 'sync', data: { streams: { [`user:${id}`]: { epoch: 'e1', seq: 0 } } }, timestamp })).toBeUndefined()
    expect(faultOf('client', { type: 'ping' })).toBeUndefined()
  })

  test('finds a field that is missing, wrong or too many, at every depth', () => {
    const wrong: Record<string, object> = {
      'an unknown type': { ...frame, type: 'category_exploded' },
      'no position': { ...frame, seq: undefined },
      'a foreign field of the frame': { ...frame, extra: 1 },
      'a foreign field of the data': { ...frame, data: { ...frame.data, extra: 1 } },
      'a foreign field of the resource': { ...frame, data: { ...frame.data, category: { ...category, archivedAt: null } } },
      'a resource without its version': { ...frame, data: { ...frame.data, category: { ...category, version: undefined } } },
      'the stream of a user': { ...frame, stream: `user:${id}` },
      'an action of another type': { ...frame, data: { ...frame.data, action: 'member_added' } },
      'a time without milliseconds': { ...frame, timestamp: '2026-01-01T12:00:00Z' },
      'a notification without its level': { ...notification, data: { message: 'Hi', notificationId: id } },
      'an unknown error code': { type: 'error', data: { code: 'oops', message: 'No' }, timestamp },
      'a guest that is told of the store': {
        type: 'subscribed',
        data: { orderId: id, orderNumber: '1001', status: 'ready' },
        timestamp,
        storeId: id,
      },
    }
    // As it goes over the wire: what is undefined is not there.
    const unseen = Object.entries(wrong).filter(([, value]) => faultOf('server', JSON.parse(JSON.stringify(value))) === undefined)
    expect(unseen.map(([name]) => name)).toEqual([])
  })

  test('sees the frames of every socket that is opened in a test, in both directions', async () => {
    const nonsense = { type: 'nonsense', data: {} }
    const liar = Bun.serve({
      port: 0,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
      websocket: { message: (socket) => void socket.send(JSON.stringify(nonsense)) },
    })
    const answered = Promise.withResolvers<void>()
    const socket = new WebSocket(`ws://127.0.0.1:${liar.port}/ws`)
    socket.addEventListener('open', () => socket.send('{"type":"ping"}'))
    socket.addEventListener('message', () => answered.resolve())
    await answered.promise
    expect(endFaults).toThrow('no message of a server')
    socket.send(JSON.stringify(nonsense))
    expect(endFaults).toThrow('no message of a client')
    const heard = Promise.withResolvers<void>()
    const raw = await RawSocket.open(liar.port ?? 0, { onText: () => heard.resolve(), onClose() {} })
    raw.send({ type: 'ping' })
    await heard.promise
    expect(endFaults).toThrow('no message of a server')
    raw.send(nonsense)
    expect(endFaults).toThrow('no message of a client')
    await liar.stop(true)
    endFaults()
  })

  test('finds a message that the hub would refuse', () => {
    expect(faultOf('client', { type: 'authenticate', data: {} })).toContain('userId')
    expect(faultOf('client', { type: 'order_created', data: {} })).toBeDefined()
    expect(faultOf('client', { type: 'subscribe', data: { storeId: id, events: ['nonsense'] } })).toBeDefined()
  })
})
