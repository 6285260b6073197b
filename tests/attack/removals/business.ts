import type { Removal } from './removal'

const payments = 'controllers/payment.controllers.ts'
const orderContract = 'utils/contracts/order.ts'

export const businessRemovals: Removal[] = [
  {
    without: 'the refusal of unknown fields of an order',
    file: orderContract,
    text: 'createOrderSchema = z\n  .strictObject(',
    by: 'createOrderSchema = z\n  .object(',
    red: ['an order’s totals, state and owner are not the client’s to set'],
  },
  {
    without: 'the refusal of unknown fields of a line',
    file: orderContract,
    text: '.strictObject({ productId: id, quantity,',
    by: '.object({ productId: id, quantity,',
    red: ['a line’s price is not the client’s to set'],
  },
  {
    without: 'the refusal of unknown fields of a product',
    file: 'utils/contracts/product.ts',
    text: 'updateProductSchema = z.strictObject(fields)',
    by: 'updateProductSchema = z.object(fields)',
    red: ['a product does not move to another shop, nor does its version'],
  },
  {
    without: 'the refusal of unknown fields of a profile',
    file: 'utils/contracts/user.ts',
    text: 'updateProfileSchema = z\n  .strictObject(',
    by: 'updateProfileSchema = z\n  .object(',
    red: ['a user does not become a device, nor somebody else'],
  },
  {
    without: 'the refusal of unknown fields of a payment',
    file: 'utils/contracts/payment.ts',
    text: 'createPaymentSchema = z\n  .strictObject(',
    by: 'createPaymentSchema = z\n  .object(',
    red: ['a payment is in nobody else’s name and at no other time'],
  },
  {
    without: 'the limit of a discount',
    file: 'controllers/order-pricing.ts',
    text: 'if (discount > subtotal) throw',
    by: 'if (discount < 0n) throw',
    red: ['a discount never exceeds what is sold'],
  },
  {
    without: 'the range of amounts',
    file: 'utils/contracts/common.ts',
    text: 'export const amount = z.int().min(0).max(maxAmount)',
    by: 'export const amount = z.number()',
    red: ['figures below zero, with fractions or beyond all measure are refused', 'a price below zero is refused'],
  },
  {
    without: 'the floor of a unit’s price',
    file: 'controllers/order-lines.ts',
    text: 'if (unitPrice < 0)',
    by: 'if (unitPrice < -1e12)',
    red: ['an option does not bring a price below zero'],
  },
  {
    without: 'the look for options chosen twice',
    file: 'controllers/order-lines.ts',
    text: 'else if (taken.has(keyOf({ groupId, optionId })))',
    by: 'else if (false)',
    red: ['one option is not chosen twice'],
  },
  {
    without: 'the limit of a refund',
    file: payments,
    text: "if (kind === 'refund' && amount > amountPaid) throw",
    by: "if (kind === 'refund' && amount > 1e12) throw",
    red: ['no more is given back than was paid'],
  },
  {
    without: 'the lock of an order',
    file: 'controllers/order.controllers.ts',
    text: "      .for('no key update'),\n",
    by: '      .$dynamic(),\n',
    red: ['of twenty payments of the whole sum at once one is taken', 'of twenty refunds at once one is given'],
  },
  {
    without: 'the judgement of the stock',
    file: 'controllers/order-stock.controllers.ts',
    text: 'const short = moves.filter((move) => move.taken > 0 && move.stock < 0)',
    by: 'const short = moves.filter(() => false)',
    red: ['of thirty orders of the last five pieces five are taken', 'one line of many pieces, split over two, takes no more than there is'],
  },
  {
    without: 'the claim of a key',
    file: 'db/events.ts',
    text: 'if (kept) return replay<T>(kept)',
    by: '',
    red: ['the same key at the same moment makes one order'],
  },
  {
    without: 'the owner of a key',
    file: 'db/events.ts',
    text: 'claimIdempotencyKey(tx, actor.userId, idempotency)',
    by: 'claimIdempotencyKey(tx, "01900000-0000-7000-8000-000000000000", idempotency)',
    red: ['a key of one’s own does not bring back the answer of somebody else'],
  },
  {
    without: 'the table of transitions',
    file: 'controllers/order-status.controllers.ts',
    text: '  judge(row, status, member.role, now.getTime())\n',
    by: '',
    red: ['a step that an order may not take is refused, whoever takes it'],
  },
  {
    without: 'the door of the shop',
    file: 'controllers/order-create.controllers.ts',
    text: 'if (!shop.store.isOpen) throw',
    by: 'if (false) throw',
    red: ['a closed shop takes no orders'],
  },
  {
    without: 'the look for a taken id',
    file: 'controllers/order-create.controllers.ts',
    text: 'if (input.id && (await isTaken(tx, input.id))) throw idTaken()',
    by: '',
    also: [
      {
        file: 'controllers/order-create.controllers.ts',
        text: "throw sqlState(error).constraint === 'orders_pkey' ? idTaken() : error",
        by: 'throw error',
      },
    ],
    red: ['an order id of another shop is taken without a word of what it is'],
  },
]
