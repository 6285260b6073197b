import { z } from 'zod'
import { emailText, id, nameText, noteText, pageQuery, phoneText, searchText, timestamp, version } from '~/utils/contracts/common'
import { orderSchema } from '~/utils/contracts/order'

export const customerSchema = z
  .object({
    id,
    storeId: id,
    firstName: z.string(),
    lastName: z.string().nullable(),
    phone: z.string().nullable(),
    email: z.string().nullable(),
    note: z.string().nullable(),
    version,
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Customer' })
export type Customer = z.infer<typeof customerSchema>

const fields = {
  firstName: nameText,
  lastName: nameText.nullable(),
  phone: phoneText.nullable(),
  email: emailText.nullable(),
  note: noteText.nullable(),
}

export const createCustomerSchema = z
  .strictObject({
    firstName: fields.firstName,
    lastName: fields.lastName.default(null),
    phone: fields.phone.default(null),
    email: fields.email.default(null),
    note: fields.note.default(null),
  })
  .meta({ id: 'CreateCustomer' })
export type CreateCustomer = z.infer<typeof createCustomerSchema>

export const updateCustomerSchema = z.strictObject(fields).partial().meta({ id: 'UpdateCustomer' })
export type UpdateCustomer = z.infer<typeof updateCustomerSchema>

export const customerQuerySchema = z.strictObject({ ...pageQuery, q: searchText.optional() })
export type CustomerQuery = z.infer<typeof customerQuerySchema>

export const customerExportSchema = z.object({ customer: customerSchema, orders: z.array(orderSchema) }).meta({ id: 'CustomerExport' })
export type CustomerExport = z.infer<typeof customerExportSchema>
