/**
 * What was found to be wrong while a test ran, outside its own assertions. Kept until the end of the test, so that a
 * fault cannot be missed: neither by a test that asserts nothing of it, nor by one that expects another failure.
 */

const faults: string[] = []

export const noteFault = (fault: string): void => void faults.push(fault)

/** Fails the running test when something was wrong so far. */
export function requireNoFaults(): void {
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

/** The same at the end of a test; the next one begins without its faults. */
export function endFaults(): void {
  try {
    requireNoFaults()
  } finally {
    faults.length = 0
  }
}
