import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrations } from '~/db/engine'

/** Tables and columns of which a whole release has asked for nothing, as docs/operations.md wants it: `drop column "name"`. */
const unusedSinceLastRelease = new Set<string>()

test('a migration takes away no table and no column that the code before it may use beside it', () => {
  const files = readdirSync(migrations.migrationsFolder).filter((name) => name.endsWith('.sql'))
  expect(files.length).toBeGreaterThan(6)
  const taken = files.flatMap((name) => {
    const sql = readFileSync(join(migrations.migrationsFolder, name), 'utf8').toLowerCase()
    return [...sql.matchAll(/\b(drop table|drop column|rename (to|column))\b[^;]*/g)].map(([statement]) => statement)
  })
  expect(taken.filter((statement) => !unusedSinceLastRelease.has(statement))).toEqual([])
})
