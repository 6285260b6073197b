/** Amounts, times and ids as people read and write them. */

const moneyFormats = new Map<string, Intl.NumberFormat>()

function moneyFormat(currency: string): Intl.NumberFormat {
  const format = moneyFormats.get(currency) ?? new Intl.NumberFormat(undefined, { style: 'currency', currency })
  moneyFormats.set(currency, format)
  return format
}

/** Decimal places of a currency: 2 for EUR, 0 for JPY, 3 for KWD. */
const placesOf = (currency: string): number => moneyFormat(currency).resolvedOptions().maximumFractionDigits ?? 2

/** `1299` as `€12.99`. */
export const formatMoney = (amount: number, currency: string): string => moneyFormat(currency).format(amount / 10 ** placesOf(currency))

/** `1299` as `12.99`, for an input field. */
export const moneyText = (amount: number, currency: string): string => (amount / 10 ** placesOf(currency)).toFixed(placesOf(currency))

/**
 * `12.99`, `12,99` or `12` as `1299`; null for what is no amount, or has more places than the currency. The digits are
 * put together as text: `1.15 * 100` is not 115.
 */
export function parseMoney(text: string, currency: string): number | null {
  const match = /^(-?)(\d{1,9})(?:[.,](\d*))?$/.exec(text.trim())
  if (!match) return null
  const [, sign = '', whole = '', fraction = ''] = match
  const places = placesOf(currency)
  if (fraction.length > places) return null
  const amount = Number(whole + fraction.padEnd(places, '0'))
  return sign ? -amount : amount
}

/** `19` or `7.5` percent as basis points; null for anything else. */
export function parsePercent(text: string): number | null {
  const match = /^(\d{1,3})(?:[.,](\d{0,2}))?$/.exec(text.trim())
  if (!match) return null
  const points = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
  return points <= 10_000 ? points : null
}

export const percentText = (basisPoints: number): string => String(basisPoints / 100)

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const clockAndDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

/** The time of day, with the day when it is not today's. */
export function formatTime(iso: string, nowMs = Date.now()): string {
  const time = new Date(iso)
  return time.toDateString() === new Date(nowMs).toDateString() ? clock.format(time) : clockAndDay.format(time)
}

export const formatDay = (iso: string): string => clockAndDay.format(new Date(iso))

/** `4:07`, `1:02:33`: for a wall, where every second is shown. */
export function formatStopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const twoDigits = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${twoDigits(minutes)}:${twoDigits(seconds % 60)}` : `${minutes}:${twoDigits(seconds % 60)}`
}

/** `now`, `4 min`, `2 h 10 min`, `3 d`. */
export function formatAge(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000)
  if (minutes < 1) return 'now'
  if (minutes < 60) return `${minutes} min`
  if (minutes < 24 * 60) return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  return `${Math.floor(minutes / 1440)} d`
}

export const fullName = (person: { firstName: string; lastName: string | null }): string =>
  person.lastName ? `${person.firstName} ${person.lastName}` : person.firstName

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
