/** Whether this process is on its way out. `instance.ts` sets it; the health endpoints, and whoever takes new work, ask. */

let draining = false

export const isDraining = (): boolean => draining

export function setDraining(value: boolean): void {
  draining = value
}
