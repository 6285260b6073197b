import { transact } from '~/db/client'
import type { Transaction } from '~/db/session'

/** Runs writes that tell nobody and have no actor yet, such as a sign-in, together. All others go through `withEvents`. */
export const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => transact('', '', work)

/** Runs reads that must agree with each other in one snapshot. Those that load whole screens leave connections to writes. */
export const inSnapshot = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  transact('isolation level repeatable read, read only', 'snapshots', work)
