import type { Config } from '~/utils/config'
import type { ServerFrameName } from '~/utils/contracts/frames'
import type { ClientMessageType } from '~/utils/contracts/messages'
import { closeCodes, wsErrors } from '~/utils/contracts/ws-codes'

/** What the AsyncAPI document says in words, and its examples. */

export const overview = `The WebSocket of ZipZap, the real-time ordering backend. REST is described by \`/openapi.json\`.

One text frame is one message: a JSON object with \`type\`, \`data\` and \`timestamp\`. A logged event also carries \`id\`,
\`stream\`, \`epoch\` and \`seq\`: per stream the numbers are 1, 2, 3 … in commit order, without gaps in the log. Its \`data\`
holds the whole resource with its \`version\`: apply it when the version is newer. \`timestamp\` is informative and never an
order. New fields and types may come with later versions: pass over what you do not know.

A role never receives what REST refuses it: the kitchen hears of no customers and gets orders without \`trackingToken\` and
\`deliveryAddress\`; a kiosk hears of the store, the catalogue and the orders it made. A socket whose role or filter hides
events sees holes in \`seq\`, and \`sync\` moves its position.`

export const channelText = ({
  ws,
}: Pick<
  Config,
  'ws'
>): string => `**Opening.** Text frames of JSON; the subprotocol is \`zipzap.v1\` when one is offered. Identity may come with the upgrade
(bearer or cookie; a cookie needs an own or allowed \`Origin\`) or with \`authenticate\`. Refused upgrades answer 400, 401, 403,
429 or 503 in the envelope of REST. Never a credential in the URL.

**authenticate** is checked against the session and the membership, and answered by \`general_notification\` "Authentication
successful"; then come the missed events in order, then \`sync\` with \`live: true\`, then live events. \`resumed: false\` with a
\`reason\` means: fetch the snapshot. Nothing flows before; an anonymous socket may only follow an order by its tracking
token, else it is closed after ${ws.authTimeoutMs} ms.

**Heartbeat.** Every ${ws.heartbeatMs} ms the server sends a ping of the protocol (RFC 6455) and \`sync\`. A socket that is not heard for
two heartbeats is closed with 4409.

**Limits.** 16 KiB a message; 20 messages a second, 100 at once; 50 subscriptions; 50 sockets a user; ${ws.maxBufferedBytes} bytes
unread. No compression.

**Close codes**

| code | meaning | client |
| --- | --- | --- |
${Object.entries(closeCodes)
  .map(([code, { meaning, client }]) => `| ${code} | ${meaning} | ${client} |`)
  .join('\n')}

**Error codes**

| code | meaning |
| --- | --- |
${Object.entries(wsErrors)
  .map(([code, meaning]) => `| ${code} | ${meaning} |`)
  .join('\n')}`

type Text = { title: string; summary: string }

export const clientTexts: Record<ClientMessageType, Text> = {
  authenticate: {
    title: 'Authenticate',
    summary:
      'Acts for a user from now on, in a store if one is named, and goes on where `resume` or the device stopped. Again: refreshes or switches',
  },
  subscribe: { title: 'Subscribe', summary: 'Adds or replaces a subscription to a store, or follows one order by its tracking token' },
  unsubscribe: { title: 'Unsubscribe', summary: 'Ends the subscription to a store' },
  ack: {
    title: 'Acknowledge',
    summary: 'Stores how far this device has come: `authenticate` with the same `deviceId` and no `resume` goes on there',
  },
  custom_action: {
    title: 'Custom action',
    summary: 'Goes to the other sockets of the store as it is, is never logged, and is answered by `ack`',
  },
  ping: { title: 'Ping', summary: 'Answered by `pong`' },
  pong: { title: 'Pong', summary: 'Welcome at any time; counts as being heard' },
}

export const serverTexts: Record<ServerFrameName, Text> = {
  profile_updated: { title: 'Profile updated', summary: 'On the stream of the user' },
  order_created: { title: 'Order created', summary: 'A new order' },
  order_updated: { title: 'Order updated', summary: 'Details, items or payments of an order changed' },
  order_status_changed: { title: 'Order status changed', summary: 'As members see it' },
  customer_created: { title: 'Customer created', summary: 'Not for the kitchen' },
  customer_updated: { title: 'Customer updated', summary: 'Changed, or anonymised (`deleted`). Not for the kitchen' },
  store_updated: { title: 'Store updated', summary: 'Settings of the store changed' },
  member_changed: { title: 'Member changed', summary: "Somebody joined, changed role or left; on the member's own stream too" },
  product_updated: { title: 'Product updated', summary: 'Created, changed (stock included) or archived' },
  category_updated: { title: 'Category updated', summary: 'Created, changed or archived' },
  notification: { title: 'Notification', summary: 'A message of a manager to the store, or to one member on that stream only' },
  sealed: { title: 'Sealed event', summary: 'A logged event whose data is encrypted (AES-256-GCM; AAD is `stream|id|type|kid`)' },
  connected: { title: 'Greeting', summary: 'The first frame of every socket' },
  authenticated: { title: 'Authenticated', summary: 'Answers `authenticate`; says where each stream begins' },
  subscribed: { title: 'Subscribed', summary: 'Answers `subscribe` to a store; the missed events and `sync` follow' },
  order_tracked: { title: 'Order tracked', summary: 'Answers `subscribe` with a tracking token' },
  tracked_order_status_changed: { title: 'Tracked order status changed', summary: 'As guests see it: trimmed as in `/track`, without a position' },
  unsubscribed: { title: 'Unsubscribed', summary: 'Answers `unsubscribe`, or says that the membership ended' },
  sync: { title: 'Sync', summary: 'Everything up to these positions was sent, or is not for this socket. `live`: live events follow' },
  user_joined: { title: 'User joined', summary: 'The first socket of a user in the store; never logged' },
  user_left: { title: 'User left', summary: 'The last socket of a user is gone; never logged' },
  custom_action: { title: 'Custom action of another', summary: 'What another socket of the store sent, as it came; never logged' },
  ack: { title: 'Acknowledged', summary: 'Answers `custom_action`, and an `ack` that has an id' },
  ping: { title: 'Ping of the server', summary: 'A `pong` is welcome; the heartbeat itself is a ping of the protocol' },
  pong: { title: 'Pong of the server', summary: 'Answers `ping`' },
  session_expiring: { title: 'Session expiring', summary: 'The session ends within a minute; then the socket is closed with 4401' },
  goaway: { title: 'Go away', summary: 'The server will stop: after about this time open a new socket, resume, and close this one' },
  error: { title: 'Error', summary: 'What was asked cannot be done; the socket stays open unless a close code follows' },
}

const storeId = '0199a2b4-7c1e-7d3a-8f00-5b6c7d8e9f01'
const userId = '0199a2b4-7c1e-7d3a-8f00-5b6c7d8e9f02'
const epoch = '3f9a1c0e7b5d4a26'

/** One message each, as it goes over the wire. */
export const clientExamples: Record<ClientMessageType, object> = {
  authenticate: {
    type: 'authenticate',
    id: 'a1',
    data: { userId, storeId, deviceId: 'till-1', resume: { [`store:${storeId}`]: { epoch, seq: 41 } } },
  },
  subscribe: { type: 'subscribe', id: 's1', data: { storeId, events: ['order_created', 'order_status_changed'], where: { type: ['delivery'] } } },
  unsubscribe: { type: 'unsubscribe', id: 'u1', data: { storeId } },
  ack: { type: 'ack', data: { stream: `store:${storeId}`, epoch, seq: 42 } },
  custom_action: { type: 'custom_action', id: 'c1', data: { action: 'table_called', table: 4 } },
  ping: { type: 'ping', id: 'p1' },
  pong: { type: 'pong' },
}
