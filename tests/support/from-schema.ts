import type { Chance } from '../oracle/random'

/** Values made from a JSON schema: such as it allows, and such as it does not. */

// biome-ignore lint/suspicious/noExplicitAny: a schema is walked as whatever JSON came
export type Schema = any

const strings = [
  '',
  ' ',
  'x',
  'Ramen',
  'ü',
  '🍜',
  'a'.repeat(121),
  'a'.repeat(5_000),
  '\u0000',
  '\ud800',
  "'; --",
  '%',
  '../..',
  '-1',
  '1e999',
  'null',
  '\r\nX: y',
]
const numbers = [0, 1, -1, 1.5, 1000, 99_999_999_999, 100_000_000_000, 2 ** 53, -(2 ** 53), 1e308, -0]
const anything: unknown[] = [null, true, false, [], {}, [[]], [null], { a: { b: {} } }, ...strings, ...numbers]

export class ValueMaker {
  constructor(
    private readonly chance: Chance,
    private readonly definitions: Record<string, Schema>,
    /** Ids of rows that exist, so that more than the first look-up is reached. */
    private readonly ids: () => string[],
  ) {}

  /** A value that the schema allows, as far as it is told there. */
  valid(schema: Schema, depth = 0): unknown {
    const { chance } = this
    const known = this.resolve(schema)
    if ('const' in known) return known.const
    if (known.enum) return chance.pick(known.enum)
    const choices = known.anyOf ?? known.oneOf
    if (choices) return this.valid(chance.pick(choices), depth)
    if (known.allOf) return Object.assign({}, ...known.allOf.map((part: Schema) => this.valid(part, depth)))
    const type = Array.isArray(known.type) ? chance.pick(known.type) : known.type
    if (type === 'object') return this.object(known, depth)
    if (type === 'array') return Array.from({ length: this.count(known, depth) }, () => this.valid(known.items ?? {}, depth + 1))
    if (type === 'integer' || type === 'number') return this.number(known)
    if (type === 'boolean') return chance.next() < 0.5
    if (type === 'null') return null
    return type === 'string' ? this.text(known) : chance.pick(anything)
  }

  /** The same with something wrong, or at least strange, somewhere. */
  spoiled(schema: Schema): unknown {
    const { chance } = this
    const value = this.valid(schema)
    if (chance.next() < 0.15 || typeof value !== 'object' || value === null) return chance.pick(anything)
    const target = this.somewhere(value as Record<string, unknown>)
    const names = Object.keys(target)
    const roll = chance.next()
    if (roll < 0.25 && names.length > 0) delete target[chance.pick(names)]
    else if (roll < 0.4) target[chance.pick(['isAdmin', 'storeId', 'id', '__proto__', 'constructor', 'version'])] = chance.pick(anything)
    else if (names.length > 0) target[chance.pick(names)] = chance.next() < 0.2 ? chance.pick(this.ids()) : chance.pick(anything)
    return value
  }

  private somewhere(value: Record<string, unknown>): Record<string, unknown> {
    const inner = Object.values(value).filter((field): field is Record<string, unknown> => typeof field === 'object' && field !== null)
    return inner.length > 0 && this.chance.next() < 0.5 ? this.somewhere(this.chance.pick(inner)) : value
  }

  private resolve(schema: Schema): Schema {
    const name = typeof schema?.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined
    return name ? this.resolve(this.definitions[name]) : (schema ?? {})
  }

  private object(schema: Schema, depth: number): Record<string, unknown> {
    const required: string[] = schema.required ?? []
    const fields = Object.entries(schema.properties ?? {}).filter(([name]) => required.includes(name) || (depth < 3 && this.chance.next() < 0.4))
    return Object.fromEntries(fields.map(([name, field]) => [name, this.valid(field, depth + 1)]))
  }

  private count(schema: Schema, depth: number): number {
    const least = schema.minItems ?? 0
    return least + (depth > 3 ? 0 : this.chance.below(3))
  }

  private number(schema: Schema): number {
    const least = schema.minimum ?? schema.exclusiveMinimum ?? -1000
    const most = schema.maximum ?? 1_000_000
    const roll = this.chance.next()
    if (roll < 0.1) return least
    if (roll < 0.2) return most
    return Math.floor(least + this.chance.next() * Math.min(most - least, 2_000))
  }

  private text(schema: Schema): string {
    const { chance } = this
    if (schema.pattern?.includes('-7[0-9a-f]')) return chance.next() < 0.9 ? chance.pick(this.ids()) : Bun.randomUUIDv7()
    if (schema.format === 'date-time' || schema.pattern?.includes('T(')) return new Date(chance.below(2 ** 31) * 1000).toISOString()
    if (schema.pattern?.includes('@')) return `${crypto.randomUUID()}@zipzap.test`
    if (schema.format === 'uri' || schema.format === 'url') return 'https://zipzap.test/a.png'
    const least = schema.minLength ?? 0
    return 'Ramen with eggs and more of it'.slice(0, Math.max(least, chance.below(30))).padEnd(least, 'x')
  }
}
