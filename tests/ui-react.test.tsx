import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { Profiler, type ReactNode, StrictMode, useEffect } from 'react'
import type { Root } from 'react-dom/client'
import { WebSocketStatusIndicator } from '~/components/websocket-status'
import { useWebSocket, useWebSocketEvent, type WebSocketStatus } from '~/hooks/use-websocket'
import { useWebSocketContext, WebSocketProvider } from '~/providers/websocket-provider'
import { connectionFor } from '~/ui/hooks/connection'
import { appears, type Dom, openDom } from './support/dom'
import { FakeHub, hubStore, hubUser } from './support/fake-hub'

let dom: Dom
let createRoot: typeof import('react-dom/client').createRoot
let hub: FakeHub
const roots: Root[] = []

beforeAll(async () => {
  dom = openDom('http://zipzap.test/')
  // React DOM looks at the page when it is loaded.
  createRoot = (await import('react-dom/client')).createRoot
})
afterAll(() => dom.close())
afterEach(async () => {
  for (const root of roots.splice(0)) root.unmount()
  await hub.until(() => hub.sockets.size === 0)
  await hub.stop()
})

function startHub(heartbeatMs = 500): FakeHub {
  hub = new FakeHub(heartbeatMs)
  return hub
}

const who = () => ({ url: hub.url, userId: hubUser, storeId: hubStore, getToken: () => 'secret' })

function mount(children: ReactNode): Root {
  const root = createRoot(document.body.appendChild(document.createElement('div')))
  roots.push(root)
  root.render(<StrictMode>{children}</StrictMode>)
  return root
}

const shows = (text: string | RegExp) => appears(() => document.body.textContent?.match(text))
/** Not a part of DISCONNECTED. */
const connected = /\bCONNECTED/

/** The examples of the README, word for word but for what is recorded. */
const notices: string[] = []
function Example() {
  const { status, isConnected, lastMessage, sendMessage } = useWebSocket({
    autoConnect: true,
    autoReconnect: true,
    reconnectInterval: 5000,
    maxReconnectAttempts: 5,
  })
  useEffect(() => {
    if (lastMessage?.type === 'profile_updated') notices.push('profile')
    if (lastMessage?.type === 'general_notification') notices.push(lastMessage.data.message)
  }, [lastMessage])
  return (
    <p>
      {status} {String(isConnected)} {typeof sendMessage}
    </p>
  )
}

function Caller() {
  const { sendMessage } = useWebSocketContext()
  return (
    <button type="button" onClick={() => sendMessage({ type: 'custom_action', data: { action: 'test' } })}>
      Call
    </button>
  )
}

test('the examples work as they stand: one socket for provider, hook and indicator, under StrictMode too', async () => {
  startHub()
  notices.length = 0
  mount(
    <WebSocketProvider {...who()}>
      <Example />
      <Caller />
      <WebSocketStatusIndicator showDetails />
    </WebSocketProvider>,
  )
  await shows('CONNECTED true function')
  await hub.publish(4)
  await appears(() => document.querySelector('[role="status"]')?.textContent === 'Live')
  document.querySelector('button')?.click()
  await hub.until(() => hub.received.some((message) => message.type === 'custom_action' && message.data.action === 'test'))
  expect(hub.connections).toBe(1)
  expect(document.body.textContent).toContain('1 socket in the store')
  // Several events at once are told one after another.
  const { client } = connectionFor(who())
  await new Promise<void>((resolve) => {
    const look = () => {
      if (notices.length >= 4) resolve()
      else requestAnimationFrame(look)
    }
    look()
  })
  expect(notices).toEqual(['1', '2', '3', '4'])
  expect(client.getSnapshot().state).toBe('live')
})

const renders = { status: 0, nothing: 0, message: 0 }

function StatusReader() {
  renders.status += 1
  return <i>{useWebSocket().status}</i>
}

function MereSender() {
  renders.nothing += 1
  const { sendMessage } = useWebSocket()
  return <b>{typeof sendMessage}</b>
}

function MessageReader() {
  renders.message += 1
  const { lastMessage } = useWebSocket()
  return <u>{lastMessage ? JSON.stringify(lastMessage.data) : 'none'}</u>
}

test('a component is rendered only for what it reads', async () => {
  startHub()
  mount(
    <WebSocketProvider {...who()}>
      <StatusReader />
      <MereSender />
      <MessageReader />
    </WebSocketProvider>,
  )
  await shows(connected)
  const before = { ...renders }
  await hub.publish(1)
  await shows('"message":"1"')
  hub.cut()
  await shows('DISCONNECTED')
  expect(renders.nothing).toBe(before.nothing)
  // StrictMode renders twice.
  expect(renders.message - before.message).toBe(2)
  expect(renders.status - before.status).toBe(2)
})

const heard: number[] = []
const seen: number[] = []

function BurstReader() {
  const { lastMessage, messages } = useWebSocket()
  useWebSocketEvent('general_notification', (event) => heard.push(event.seq))
  useEffect(() => {
    for (const message of messages) if ('seq' in message) seen.push(message.seq)
  }, [messages])
  return <p>last {lastMessage && 'seq' in lastMessage ? lastMessage.seq : 0}.</p>
}

test('a burst of 2,000 events renders at most once a frame; the event hook gets every one', async () => {
  startHub()
  let commits = 0
  let frames = 0
  mount(
    <WebSocketProvider {...who()}>
      <Profiler id="reader" onRender={() => commits++}>
        <BurstReader />
      </Profiler>
      <Example />
    </WebSocketProvider>,
  )
  await shows(connected)
  commits = 0
  let counting = true
  const count = () => {
    frames += 1
    if (counting) requestAnimationFrame(count)
  }
  requestAnimationFrame(count)
  await hub.publish(2000)
  await shows('last 2000.')
  counting = false
  expect(heard).toEqual(Array.from({ length: 2000 }, (_, index) => index + 1))
  expect(seen).toEqual(heard)
  expect(commits).toBeLessThanOrEqual(frames + 1)
  expect(commits).toBeLessThan(60)
})

test('mounting and unmounting 100 times keeps one socket and leaves no listener behind', async () => {
  startHub()
  const page = (
    <WebSocketProvider {...who()}>
      <Example />
      <WebSocketStatusIndicator />
    </WebSocketProvider>
  )
  const { client } = connectionFor(who())
  const root = mount(page)
  await shows(connected)
  const { flushSync } = await import('react-dom')
  for (let round = 0; round < 100; round += 1) {
    flushSync(() => root.render(null))
    flushSync(() => root.render(<StrictMode>{page}</StrictMode>))
  }
  await shows('CONNECTED true')
  expect(hub.connections).toBe(1)
  flushSync(() => root.render(null))
  expect(client.listenerCount).toBe(0)
  await hub.until(() => hub.sockets.size === 0)
  expect(hub.closings).toEqual([1000])
  expect(client.getSnapshot().state).toBe('stopped')
})

const statuses: WebSocketStatus[] = []

function Impatient() {
  const { status } = useWebSocket({ ...who(), autoConnect: true, reconnectInterval: 1, maxReconnectAttempts: 2 })
  useEffect(() => {
    statuses.push(status)
  }, [status])
  return <p>{status}</p>
}

test('after maxReconnectAttempts the status is ERROR, and a visible page tries again', async () => {
  startHub()
  mount(<Impatient />)
  await shows(connected)
  hub.acceptsSockets = false
  hub.cut()
  await shows('ERROR')
  hub.acceptsSockets = true
  dom.window.document.dispatchEvent(new dom.window.Event('visibilitychange'))
  await appears(() => document.body.textContent === 'CONNECTED')
  expect(statuses.at(-1)).toBe('CONNECTED')
})

function LateSender() {
  const { sendMessage, status } = useWebSocketContext()
  return (
    <button type="button" onClick={() => sendMessage({ type: 'custom_action', data: { action: 'later' } })}>
      {status}
    </button>
  )
}

test('a message sent while offline waits, and the indicator says so', async () => {
  startHub()
  mount(
    <WebSocketProvider {...who()} reconnectInterval={1}>
      <LateSender />
      <WebSocketStatusIndicator />
    </WebSocketProvider>,
  )
  await shows(connected)
  hub.acceptsSockets = false
  hub.cut()
  await shows('DISCONNECTED')
  document.querySelector('button')?.click()
  await shows('1 waiting to be sent')
  hub.acceptsSockets = true
  await hub.until(() => hub.received.some((message) => message.data?.action === 'later'))
  await appears(() => !document.body.textContent?.includes('waiting'))
})
