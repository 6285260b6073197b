/** PostgreSQL's error code (SQLSTATE) of whatever a driver or Drizzle threw, and the constraint it names. */
export function sqlState(error: unknown): { code?: string; constraint?: string } {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code, constraint, constraint_name } = cause as { code?: unknown; constraint?: string; constraint_name?: string }
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) {
      const name = constraint ?? constraint_name
      return name ? { code, constraint: name } : { code }
    }
  }
  return {}
}
