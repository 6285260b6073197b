import type { Config } from '~/utils/config'
import { logger } from '~/utils/logger'

/** Mail to people, sent in the background: no answer waits for it, so none tells by its time whether a mail was sent. */

type Mail = { to: string; subject: string; text: string }

/** The library is loaded where mail is sent, and nowhere else. */
async function openTransport(url: string) {
  const { createTransport } = await import('nodemailer')
  return createTransport({ url, pool: true, maxConnections: 2, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 })
}

let transport: Awaited<ReturnType<typeof openTransport>> | undefined
let from = ''
const underWay = new Set<Promise<void>>()

/** Called once at the start. */
export async function configureMail({ smtpUrl, mailFrom }: Pick<Config, 'smtpUrl' | 'mailFrom'>): Promise<void> {
  transport = smtpUrl === undefined ? undefined : await openTransport(smtpUrl)
  from = mailFrom
}

export const canSendMail = (): boolean => transport !== undefined

/** Never throws and never waits. What fails is logged, without saying to whom it was, and not tried again. */
export function sendMail(mail: Mail): void {
  const open = transport
  if (!open) return
  // Not even composing it costs the answer time.
  const sending = new Promise<void>((resolve) => setImmediate(resolve))
    .then(() => open.sendMail({ envelope: { from: addressOf(from), to: mail.to }, raw: toMessage(mail) }))
    .then(() => {})
    // The error's message may quote the address.
    .catch((error: unknown) => logger.error({ code: codeOf(error) }, 'a mail could not be sent'))
    .finally(() => underWay.delete(sending))
  underWay.add(sending)
}

/** Resolves when the mails under way are sent, or after a few seconds. */
export async function closeMail(): Promise<void> {
  if (underWay.size > 0) await Promise.race([Promise.all(underWay), Bun.sleep(5_000)])
  transport?.close({ force: true })
  transport = undefined
}

/**
 * RFC 5322. Written here rather than by the library because that would break a long link into several lines, which not
 * every reader joins again. Subject and text are ASCII, and an address that was let in has no space or line break.
 */
function toMessage({ to, subject, text }: Mail): string {
  const headers = {
    From: from,
    To: to,
    Subject: subject,
    Date: new Date().toUTCString().replace('GMT', '+0000'),
    'Message-ID': `<${Bun.randomUUIDv7()}@${addressOf(from).split('@')[1]}>`,
    'Auto-Submitted': 'auto-generated',
    'MIME-Version': '1.0',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Transfer-Encoding': '7bit',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return `${[...lines, '', ...text.split('\n')].join('\r\n')}\r\n`
}

/** The address in `Name <address>`, or all of it. */
const addressOf = (mailbox: string): string => /<([^<>]+)>$/.exec(mailbox)?.[1] ?? mailbox

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown')
