/**
 * What a run has sent and been given that no log line may hold: passwords, tokens, tickets, keys, e-mail addresses, phone
 * numbers, and what customers are called and live at. Noted by the REST client and the sockets of the tests; at the end
 * of a run every server process's output is searched for all of it.
 */

const secretFields = new Set([
  'password',
  'currentPassword',
  'newPassword',
  'token',
  'ticket',
  'trackingToken',
  'email',
  'phone',
  'deliveryAddress',
  'note',
  'lastName',
  'k',
])

const secrets = new Set<string>()

/** Shorter ones are words that any line may hold. */
const shortest = 9

/** Walks over a body or a frame, of whatever shape. */
export function noteSecrets(value: unknown): void {
  if (Array.isArray(value)) for (const part of value) noteSecrets(part)
  else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      if (typeof field === 'string' && secretFields.has(name) && field.length >= shortest) secrets.add(field)
      else noteSecrets(field)
    }
  }
}

/** As a line may hold it: plain, as JSON writes it, and as a URL does. */
const formsOf = (secret: string): string[] => [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())])]

const prefixBytes = 4

/** The bytes of each form, by their first four. */
function byPrefix(): Map<number, Buffer[]> {
  const forms = [...secrets].flatMap(formsOf).map((form) => Buffer.from(form))
  return Map.groupBy(forms, (form) => form.readUInt32BE(0))
}

/** The noted secrets that a text holds, each with the line around it. One walk: a run prints millions of lines. */
export function leaksIn(text: Buffer): string[] {
  const wanted = byPrefix()
  const leaks = new Map<Buffer, number>()
  // Most places are told from the beginning of a secret by one look into a small table.
  const isFirst = new Uint8Array(2 ** 16)
  for (const prefix of wanted.keys()) isFirst[prefix >>> 16] = 1
  for (let at = 0; at + prefixBytes <= text.length; at++) {
    if (isFirst[((text[at] ?? 0) << 8) | (text[at + 1] ?? 0)] === 0) continue
    for (const form of wanted.get(text.readUInt32BE(at)) ?? []) {
      if (!leaks.has(form) && text.compare(form, 0, form.length, at, Math.min(at + form.length, text.length)) === 0) leaks.set(form, at)
    }
  }
  return [...leaks].map(([form, at]) => `${form} in: ${text.subarray(text.lastIndexOf('\n', at) + 1, at + form.length + 40)}`)
}

/** Throws when one of the lines holds what this run kept secret. */
export function requireNoLeaks(printed: Buffer): void {
  const leaks = leaksIn(printed)
  if (leaks.length > 0) throw new Error(`A server's log holds what this run kept secret:\n${leaks.slice(0, 10).join('\n')}`)
}

/** For a process that started the servers for this one, and has their lines. */
export const writeSecrets = (path: string): Promise<number> => Bun.write(path, JSON.stringify([...secrets]))

export async function readSecrets(path: string): Promise<void> {
  for (const secret of (await Bun.file(path).json()) as string[]) secrets.add(secret)
}
