import type { Removal } from './removal'

const view = 'utils/event-view.ts'

export const streamRemovals: Removal[] = [
  {
    without: 'the end of a removed member’s subscription',
    file: 'realtime/rights.ts',
    text: '      hub.unsubscribe(connection, stream.name)\n',
    by: '',
    red: ['a removed member hears nothing that is logged after the removal'],
  },
  {
    without: 'the new key after a removal',
    file: 'utils/sealing.ts',
    text: "return data.action === 'member_removed' || (",
    by: 'return (',
    red: ['a removed member gets no new key, and those that he has open nothing new'],
  },
  {
    without: 'the change of a role in open sockets',
    file: 'realtime/rights.ts',
    text: '      stream.change(subscription, { role })\n',
    by: '',
    red: ['a member who now only cooks hears no customers and gets no keys'],
  },
  {
    without: 'the sockets of an ended session',
    file: 'realtime/hub.ts',
    text: "if (sessionId && ended.has(sessionId)) connection.close(4401, 'The session has ended')",
    by: '',
    red: ['a session that ends takes its sockets with it', 'a device that was removed loses its socket'],
  },
  {
    without: 'the end of a removed device’s sessions',
    file: 'controllers/member.controllers.ts',
    text: "return kind === 'device' ? endSessionsOf(tx, row.userId) : []",
    by: 'return []',
    red: ['a device that was removed loses its socket'],
  },
  {
    without: 'the kitchen’s cut of an event',
    file: view,
    text: "const isCut = view === 'kitchen' && isOneOf(orderTypes, event.type)",
    by: 'const isCut = false && view && isOneOf(orderTypes, event.type)',
    red: [
      'a kitchen screen hears of orders without address and token, and of no customer',
      'an old position brings back nothing that the role may not see',
    ],
  },
  {
    without: 'the kitchen’s blindness for customers',
    file: view,
    text: "if (view === 'kitchen') return !isOneOf(customerTypes, event.type)",
    by: "if (view === 'kitchen') return true",
    red: [
      'a kitchen screen hears of orders without address and token, and of no customer',
      'a filter widens nothing: what a role may not see it may not ask for',
    ],
  },
  {
    without: 'the keys’ owners',
    file: 'realtime/keys.ts',
    text: "!subscription.isEnded && subscription.view === 'full'",
    by: '!subscription.isEnded',
    red: ['a kitchen screen hears of orders without address and token, and of no customer'],
  },
  {
    without: 'the kiosk’s own orders in events',
    file: view,
    text: 'if (isOneOf(orderTypes, event.type)) return event.orderCreatedBy === userId',
    by: 'if (isOneOf(orderTypes, event.type)) return true',
    red: ['a kiosk hears of its own orders, and of nobody'],
  },
  {
    without: 'the seal',
    file: 'utils/sealing.ts',
    text: 'sealedTypes = new Set(keys.length > 0 ? ws.encryptedEvents : [])',
    by: 'sealedTypes = new Set(keys.length > 100 ? ws.encryptedEvents : [])',
    red: ['a customer’s data travels sealed, to those who have a key as well'],
  },
  {
    without: 'the order of a guest',
    file: 'realtime/guests.ts',
    text: 'const listeners = event.subjectId ? this.orders.get(event.subjectId) : undefined',
    by: 'const listeners = [...this.orders.values()][0]',
    red: ['a guest hears the state of one order, and no other word of the shop'],
  },
  {
    without: 'the comparison of the tracking token',
    file: 'db/hub-reads.ts',
    text: 'where o.tracking_token = ${trackingToken}`',
    by: 'where o.tracking_token <> ${trackingToken} limit 1`',
    red: ['a tracking token that was guessed follows nothing'],
  },
  {
    without: 'the stream of the addressed user',
    file: 'controllers/notification.controllers.ts',
    text: 'stream: userId ? userStream(userId) : storeStream(storeId)',
    by: 'stream: storeStream(storeId)',
    red: ['what is for one user reaches nobody else of the shop'],
  },
  {
    without: 'the end of the user before',
    file: 'realtime/authentication.ts',
    text: 'if (before && before.userId !== session.userId) for (const name of connection.subscriptions.names) hub.unsubscribe(connection, name)\n  else if',
    by: 'if',
    red: ['whoever switches to another user keeps nothing of the one before'],
  },
]

/** Checks of what Bun, nginx and Zod do themselves, or do as well: taking out what is ours changes nothing. */
export const byThePlatform = [
  'an honest till is served',
  'a length beside chunks does not hide a request',
  'a veiled Transfer-Encoding does not hide a request',
  'two lengths do not hide a request',
  'a chunk of a size that is none is refused',
  'a header with a line break inside adds no header',
  'headers of a megabyte are refused',
  'three hundred clients that never finish their headers keep nobody waiting',
  'a hundred clients that never finish their bodies keep nobody waiting',
  'a client that never finishes its headers is let go',
  'a request for another host is not passed on',
  'an upgrade that RFC 6455 does not know is refused',
  'a frame that names a prototype changes nothing',
]
