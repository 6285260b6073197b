import type { z } from 'zod'
import type {
  ConfirmPasswordReset,
  currentSessionSchema,
  Login,
  loggedInSchema,
  PasswordReset,
  registeredSchema,
  Session,
  ticketSchema,
} from '~/utils/contracts/auth'
import type { Category, createCategorySchema, UpdateCategory } from '~/utils/contracts/category'
import type { PageQuery } from '~/utils/contracts/common'
import type { Customer, CustomerExport, CustomerQuery, createCustomerSchema, UpdateCustomer } from '~/utils/contracts/customer'
import type { EventQuery, LoggedMessage } from '~/utils/contracts/event'
import type { webSocketStatsSchema } from '~/utils/contracts/health'
import type { AddMember, ChangeMember, CreateDevice, Device, NewDevice, StoreMember } from '~/utils/contracts/member'
import type { createNotificationSchema, Notification } from '~/utils/contracts/notification'
import type { ChangeStatus, createOrderSchema, Order, OrderQuery, updateOrderSchema } from '~/utils/contracts/order'
import type { CreatePayment, Payment } from '~/utils/contracts/payment'
import type { PresentUser } from '~/utils/contracts/presence'
import type { createProductSchema, Product, ProductQuery, UpdateProduct } from '~/utils/contracts/product'
import type { Snapshot } from '~/utils/contracts/snapshot'
import type { createStoreSchema, Store, UpdateStore } from '~/utils/contracts/store'
import type { TrackedOrder } from '~/utils/contracts/tracking'
import type { ChangePassword, Register, UpdateProfile, User } from '~/utils/contracts/user'

/** The routes of the REST API with what they take and answer, drawn from the contracts. Types only. */

type Route<Data, Body = undefined, Query = undefined> = { data: Data; body: Body; query: Query }
type List<Row, Query> = Route<Row[], undefined, Partial<Query>>

export type Routes = {
  'POST /auth/register': Route<z.infer<typeof registeredSchema>, Register>
  'POST /auth/login': Route<z.infer<typeof loggedInSchema>, Login>
  'POST /auth/logout': Route<unknown>
  'GET /auth/session': Route<z.infer<typeof currentSessionSchema>>
  'POST /auth/password-reset': Route<unknown, PasswordReset>
  'POST /auth/password-reset/confirm': Route<unknown, ConfirmPasswordReset>
  'GET /users/profile': Route<User>
  'PATCH /users/profile': Route<User, UpdateProfile>
  'PATCH /users/password': Route<unknown, ChangePassword>
  'GET /users/sessions': List<Session, PageQuery>
  'DELETE /users/sessions/{id}': Route<unknown>
  'GET /websocket/stats': Route<z.infer<typeof webSocketStatsSchema>>
  'POST /websocket/tickets': Route<z.infer<typeof ticketSchema>>

  'GET /stores': List<Store, PageQuery>
  'POST /stores': Route<Store, z.input<typeof createStoreSchema>>
  'GET /stores/{storeId}': Route<Store>
  'PATCH /stores/{storeId}': Route<Store, UpdateStore>
  'GET /stores/{storeId}/snapshot': Route<Snapshot>
  'GET /stores/{storeId}/events': List<LoggedMessage, EventQuery>
  'GET /stores/{storeId}/presence': Route<PresentUser[]>
  'POST /stores/{storeId}/notifications': Route<Notification, z.input<typeof createNotificationSchema>>

  'GET /stores/{storeId}/members': List<StoreMember, PageQuery>
  'POST /stores/{storeId}/members': Route<StoreMember, AddMember>
  'PATCH /stores/{storeId}/members/{userId}': Route<StoreMember, ChangeMember>
  'DELETE /stores/{storeId}/members/{userId}': Route<StoreMember>
  'GET /stores/{storeId}/devices': List<Device, PageQuery>
  'POST /stores/{storeId}/devices': Route<NewDevice, CreateDevice>
  'DELETE /stores/{storeId}/devices/{userId}': Route<Device>

  'GET /stores/{storeId}/categories': List<Category, PageQuery>
  'POST /stores/{storeId}/categories': Route<Category, z.input<typeof createCategorySchema>>
  'GET /stores/{storeId}/categories/{id}': Route<Category>
  'PATCH /stores/{storeId}/categories/{id}': Route<Category, UpdateCategory>
  'DELETE /stores/{storeId}/categories/{id}': Route<Category>

  'GET /stores/{storeId}/products': List<Product, ProductQuery>
  'POST /stores/{storeId}/products': Route<Product, z.input<typeof createProductSchema>>
  'GET /stores/{storeId}/products/{id}': Route<Product>
  'PATCH /stores/{storeId}/products/{id}': Route<Product, UpdateProduct>
  'DELETE /stores/{storeId}/products/{id}': Route<Product>

  'GET /stores/{storeId}/customers': List<Customer, CustomerQuery>
  'POST /stores/{storeId}/customers': Route<Customer, z.input<typeof createCustomerSchema>>
  'GET /stores/{storeId}/customers/{id}': Route<Customer>
  'PATCH /stores/{storeId}/customers/{id}': Route<Customer, UpdateCustomer>
  'DELETE /stores/{storeId}/customers/{id}': Route<Customer>
  'GET /stores/{storeId}/customers/{id}/export': Route<CustomerExport>

  'GET /stores/{storeId}/orders': List<Order, OrderQuery>
  'POST /stores/{storeId}/orders': Route<Order, z.input<typeof createOrderSchema>>
  'GET /stores/{storeId}/orders/{id}': Route<Order>
  'PATCH /stores/{storeId}/orders/{id}': Route<Order, z.input<typeof updateOrderSchema>>
  'POST /stores/{storeId}/orders/{id}/status': Route<Order, ChangeStatus>
  'GET /stores/{storeId}/orders/{id}/payments': List<Payment, PageQuery>
  'POST /stores/{storeId}/orders/{id}/payments': Route<Payment, CreatePayment>

  'GET /track/{token}': Route<TrackedOrder>
}

export type RouteName = keyof Routes
/** Routes whose answer is a page of a list. */
export type ListName = { [R in RouteName]: Routes[R]['query'] extends undefined ? never : R }[RouteName]
export type RowOf<R extends ListName> = Routes[R]['data'][number]

type ParamsIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamsIn<Rest> : never

/** The parts of a route's path, its body and its query; what a route does not take cannot be given. */
export type CallOptions<R extends RouteName> = {
  headers?: Record<string, string>
  signal?: AbortSignal
} & ([ParamsIn<R>] extends [never] ? { params?: undefined } : { params: Record<ParamsIn<R>, string> }) &
  (Routes[R]['body'] extends undefined ? { body?: undefined } : { body: Routes[R]['body'] }) &
  (Routes[R]['query'] extends undefined ? { query?: undefined } : { query?: Routes[R]['query'] })
