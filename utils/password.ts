import { availableParallelism } from 'node:os'
import { rateLimited, unavailable } from '~/utils/errors'

/**
 * Argon2id at OWASP's m=19456 KiB, t=2. Each computation takes a core for tens of milliseconds, so only a few run at
 * once; the others wait, addresses taking turns, so that one that floods delays itself and hardly anybody else.
 */

const parameters = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

/** A hash of random bytes nobody knows: verifying against it takes as long as against a real one. */
const dummyHash = '$argon2id$v=19$m=19456,t=2,p=1$15WPRWnkUqSWICtMTXTBlaOb8F/zy8EnyEKGrhqnSZA$YP/HJ4bAIOU9XSBxcLDj0A7rhDjJeUr8vUEKrlRIZy4'

/** Keyboards and systems write one letter in different code points (RFC 8265 §4.2.2). */
const normalized = (password: string) => password.normalize('NFC')

export const hashPassword = (password: string): Promise<string> => Bun.password.hash(normalized(password), parameters)

/** Without a hash (an unknown user) it takes its time all the same and answers false. Throws on a malformed hash. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const isRight = await Bun.password.verify(normalized(password), hash ?? dummyHash, 'argon2id')
  return isRight && hash !== null
}

/** One core is left to everybody else: with two of two taken, events came several times later during a flood. */
const maxRunning = Math.min(4, Math.max(1, availableParallelism() - 1))
const maxWaiting = 1024
const maxWaitingPerAddress = 256

let running = 0
let waiting = 0
/** Per address, in the order in which the addresses take turns. */
const queues = new Map<string, (() => void)[]>()

/**
 * Runs `work`, which hashes or verifies once, when its turn comes. Throws 429 when its address, and 503 when the whole
 * process, has too much waiting.
 */
export async function inPasswordTurn<T>(address: string, work: () => Promise<T>): Promise<T> {
  if (running >= maxRunning) await waitForTurn(address)
  else running++
  try {
    return await work()
  } finally {
    // A turn is handed on without ever being free, so nobody who comes now overtakes those who wait.
    if (!wakeNext()) running--
  }
}

function waitForTurn(address: string): Promise<void> {
  const queue = queues.get(address) ?? []
  if (queue.length >= maxWaitingPerAddress) {
    throw rateLimited(10, { 'RateLimit-Limit': String(maxWaitingPerAddress), 'RateLimit-Remaining': '0', 'RateLimit-Reset': '10' })
  }
  if (waiting >= maxWaiting) throw unavailable('Too many people are signing in right now', 10)
  queues.set(address, queue)
  waiting++
  return new Promise((resolve) => queue.push(resolve))
}

function wakeNext(): boolean {
  for (const [address, queue] of queues) {
    const wake = queue.shift()
    queues.delete(address)
    if (queue.length > 0) queues.set(address, queue)
    if (!wake) continue
    waiting--
    wake()
    return true
  }
  return false
}
