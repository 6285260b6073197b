import type { Removal } from './removal'

const access = 'routes/middleware/access.ts'
const members = 'controllers/member.controllers.ts'
const orders = 'controllers/order.controllers.ts'
const isAllowed = 'if (!allowed.includes(role)) throw forbidden()'

/** Roles are judged, but not this one. */
const allowing = (role: string, check: string): Removal => ({
  without: `the list of roles, for ${role}`,
  file: access,
  text: isAllowed,
  by: `if (role !== '${role}' && !allowed.includes(role)) throw forbidden()`,
  red: [check],
})

export const rightsRemovals: Removal[] = [
  {
    without: 'the session',
    file: access,
    text: 'if (!identity) throw unauthorized()',
    by: 'if (!identity) return',
    red: ['without a session no route of a shop or an account answers'],
  },
  {
    without: 'the membership',
    file: access,
    text: 'if (!role) throw notFound()',
    by: 'if (!role) return c.set("member", { ...c.var.actor, storeId, role: "owner" })',
    red: ['to somebody of another shop every route of this one looks missing'],
  },
  allowing('manager', 'a manager gets nothing that is the owner’s'),
  allowing('staff', 'the staff get nothing that is for managers'),
  allowing('kitchen', 'a kitchen screen gets nothing beyond orders and dishes'),
  allowing('kiosk', 'a kiosk gets nothing beyond the catalogue and its own orders'),
  {
    without: 'the store of an order',
    file: orders,
    text: "${orders.id} = ${slot('id')} and ${orders.storeId} = ${slot('storeId')}",
    by: "${orders.id} = ${slot('id')} and ${slot('storeId')}::uuid is not null",
    red: ['an order of another shop is neither read nor changed through one’s own'],
  },
  {
    without: 'the store of a customer',
    file: 'controllers/customer.controllers.ts',
    text: 'and(eq(customers.id, id), eq(customers.storeId, storeId), isNull(customers.archivedAt))',
    by: 'and(eq(customers.id, id), isNull(customers.archivedAt))',
    red: ['a customer of another shop is neither read, changed nor exported through one’s own'],
  },
  {
    without: 'the store of a product',
    file: 'controllers/product.controllers.ts',
    text: 'and(eq(products.id, id), eq(products.storeId, storeId), isNull(products.archivedAt))',
    by: 'and(eq(products.id, id), isNull(products.archivedAt))',
    red: ['a product of another shop is neither read, changed nor removed through one’s own'],
  },
  {
    without: 'the store of a category',
    file: 'controllers/category.controllers.ts',
    text: 'and(eq(categories.id, id), eq(categories.storeId, storeId), isNull(categories.archivedAt))',
    by: 'and(eq(categories.id, id), isNull(categories.archivedAt))',
    red: ['a category of another shop is neither read, changed nor removed through one’s own'],
  },
  {
    without: 'the store of a membership',
    file: members,
    text: 'const membershipOf = (storeId: string, userId: string) => and(eq(members.storeId, storeId), eq(members.userId, userId))',
    by: 'const membershipOf = (_: string, userId: string) => eq(members.userId, userId)',
    red: ['members and devices of another shop are not removed through one’s own'],
  },
  {
    without: 'the store of the menu',
    file: 'controllers/order-stock.controllers.ts',
    text: '(${products.storeId} = ${stores.id}) is true and ${products.id} = any',
    by: '${products.id} = any',
    red: ['an order takes no product of another shop'],
  },
  {
    without: 'the store of an order’s customer',
    file: 'controllers/order-create.controllers.ts',
    text: 'eq(customers.id, id), eq(customers.storeId, storeId), isNull',
    by: 'eq(customers.id, id), isNull',
    red: ['an order takes no customer of another shop, whose name it would show'],
  },
  {
    without: 'the store of a product’s category',
    file: 'controllers/product.controllers.ts',
    text: 'eq(categories.id, id), eq(categories.storeId, storeId), isNull',
    by: 'eq(categories.id, id), isNull',
    red: ['a product goes into no category of another shop'],
  },
  {
    without: 'the binding of cursors',
    file: 'db/page.ts',
    text: '.update(`${scope}\\n${payload}`)',
    by: '.update(payload)',
    red: ['a cursor of one list opens no other'],
  },
  {
    without: 'the ranks of those who manage members',
    file: members,
    text: "role === 'owner' || (role === 'manager' && other !== 'owner' && other !== 'manager')",
    by: "role === 'owner' || (role === 'manager' && other !== role + 's')",
    red: ['a manager makes nobody manager, and removes no owner'],
  },
  {
    without: 'the owner’s privilege to change roles',
    file: 'routes/member.routes.ts',
    text: 'inStoreWithBody(owners, judgedFirst(requireMember))',
    by: 'inStoreWithBody(crew, judgedFirst(requireMember))',
    also: [
      { file: members, text: "if ((await lockMemberships(tx, member)) !== 'owner') throw forbidden()", by: 'await lockMemberships(tx, member)' },
    ],
    red: ['nobody gives himself a higher role'],
  },
  {
    without: 'the count of owners',
    file: members,
    text: 'if ((owners?.number ?? 0) < 2)',
    by: 'if ((owners?.number ?? 0) < 0)',
    red: ['the last owner neither leaves nor steps down'],
  },
  {
    without: 'the fields that are the manager’s',
    file: 'routes/product.routes.ts',
    text: 'bodyRight(mayChange), ',
    by: '',
    red: ['the staff change no price, whatever else they may change'],
  },
  {
    without: 'the manager’s privilege to refund',
    file: 'routes/payment.routes.ts',
    text: 'bodyRight(mayBook), ',
    by: '',
    red: ['the staff give no money back'],
  },
  {
    without: 'the roles of transitions',
    file: 'controllers/order-status.controllers.ts',
    text: 'if (by?.includes(role)) return\n  if (by) throw forbidden()',
    by: 'if (by) return',
    red: ['a kitchen screen completes no order and cancels none that it cooks'],
  },
  {
    without: 'the kiosk’s own orders',
    file: orders,
    text: "member.role === 'kiosk' ? eq(orders.createdBy, member.userId) : undefined)",
    by: 'undefined)',
    red: ['a kiosk sees no order but its own, in the list, by id and in the log'],
  },
  {
    without: 'what a kiosk may take',
    file: 'routes/order.routes.ts',
    text: ', bodyRight(mayTake))',
    by: ')',
    red: ['a kiosk gives itself no discount and looks up no customer'],
  },
  {
    without: 'the kitchen’s view of an order',
    file: orders,
    text: "role === 'kitchen' ? { ...order, ...hiddenFromKitchen } : order",
    by: 'order',
    red: ['a kitchen screen reads no address, no tracking token and no customer, in orders and in the log'],
  },
  {
    without: 'the view of members',
    file: members,
    text: "email: hasRole(viewer.role, 'manager') || viewer.userId === user.id ? user.email : null",
    by: 'email: user.email',
    red: ['the staff see no e-mail address of their colleagues'],
  },
  {
    without: 'the cut of a tracked order',
    file: 'utils/contracts/tracking.ts',
    text: '  orderNumber: order.orderNumber,\n',
    by: '  ...order,\n  orderNumber: order.orderNumber,\n',
    red: [
      'a tracking link tells of the dishes, and of no person, price or id',
      'a guest hears the state of one order, and no other word of the shop',
    ],
  },
  {
    without: 'the operator’s token',
    file: 'routes/metrics.routes.ts',
    text: 'if (expected !== undefined) {',
    by: 'if (expected === "") {',
    red: ['the figures of the process are for the operator'],
  },
]
