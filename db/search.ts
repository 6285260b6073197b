import { or, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'

/**
 * Whether one of the columns contains `q`, in any case, every character of it standing for itself. ILIKE would leave the
 * case of all but ASCII letters to the database's locale; here it is the same everywhere.
 */
export function containsText(columns: (PgColumn | SQL)[], q: string): SQL | undefined {
  const pattern = [...q].map(anyCase).join('')
  return or(...columns.map((column) => sql`${column} ~ ${pattern}`))
}

/** One character of a PostgreSQL regular expression that matches it in either case. */
function anyCase(character: string): string {
  const variants = new Set([character, character.toLowerCase(), character.toUpperCase()].filter((variant) => [...variant].length === 1))
  if (variants.size > 1) return `[${[...variants].join('')}]`
  return /[!-/:-@[-`{-~]/.test(character) ? `\\${character}` : character
}
