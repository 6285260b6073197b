import { db, type Transaction } from '~/db/client'

/** Runs writes that tell nobody and have no actor yet, such as a sign-in, together. All others go through `withEvents`. */
export const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => db.transaction(work)
