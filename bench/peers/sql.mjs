/** The business SQL of the peers without a log: the same for Bun and for Node. */

const columns = `id, store_id as "storeId", order_number::text as "orderNumber", type, source, status, payment_status as "paymentStatus", currency,
  prices_include_tax as "pricesIncludeTax", items, subtotal, discount, tax, tip, delivery_fee as "deliveryFee", service_charge as "serviceCharge", total,
  amount_paid as "amountPaid", customer_id as "customerId", customer_name as "customerName", table_number as "tableNumber",
  delivery_address as "deliveryAddress", requested_for as "requestedFor", note, tracking_token as "trackingToken", status_history as "statusHistory",
  version, created_at as "createdAt", updated_at as "updatedAt"`

export const readShop = `select s.currency, s.tax_rate_bps as rate, s.prices_include_tax as "pricesIncludeTax", now() as now, p.*
  from stores s left join products p on p.store_id = s.id and p.id in ($2, $3) and p.archived_at is null where s.id = $1`

export const insertOrder = `with numbered as (
    insert into order_counters (store_id, last_number) values ($2, 1001)
    on conflict (store_id) do update set last_number = order_counters.last_number + 1 returning last_number
  )
  insert into orders (id, store_id, order_number, type, currency, prices_include_tax, items, subtotal, discount, tax, tip, delivery_fee,
    service_charge, total, note, tracking_token, status_history, created_by)
  values ($1, $2, (select last_number from numbered), $3, $4, $5, $6, $7, 0, $8, 0, 0, 0, $9, $10, $11, $12, $13) returning ${columns}`

export const lockOrder = 'select *, clock_timestamp() as now from orders where id = $1 and store_id = $2 for no key update'

export const updateOrder = `update orders set status = $2, status_history = $3, version = version + 1, updated_at = $4 where id = $1 returning ${columns}`

const productColumns = `id, store_id as "storeId", category_id as "categoryId", name, description, sku, price, tax_rate_bps as "taxRateBps",
  is_available as "isAvailable", stock, image_url as "imageUrl", modifier_groups as "modifierGroups", version, created_at as "createdAt",
  updated_at as "updatedAt"`

const listing = (list, chosen, condition = '') =>
  `select ${chosen} from ${list} where store_id = $1 ${condition} order by created_at desc nulls last, id desc nulls last limit $2`

/** By the name of the list in its path. */
export const lists = { orders: listing('orders', columns), products: listing('products', productColumns, 'and archived_at is null') }
