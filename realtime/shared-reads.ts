import { readSubscriptionStart, type SubscriptionStart } from '~/db/hub-reads'
import type { SocketSession } from '~/realtime/connection'
import type { Lookups } from '~/realtime/context'
import type { StreamName } from '~/utils/contracts/logged-event'

/**
 * One read in flight for each question. Whoever asks meanwhile shares the next one, which begins after he asked: no
 * answer is older than it would be alone.
 */
export class Shared<Answer> {
  private readonly questions = new Map<string, { running: Promise<Answer>; next: Promise<Answer> | null }>()

  read(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.questions.get(key)
    if (!known) return this.begin(key, ask)
    const again = () => this.begin(key, ask)
    known.next ??= known.running.then(again, again)
    return known.next
  }

  private begin(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const question: { running: Promise<Answer>; next: Promise<Answer> | null } = { running: ask(), next: null }
    this.questions.set(key, question)
    const end = () => {
      if (!question.next) this.questions.delete(key)
    }
    question.running.then(end, end)
    return question.running
  }
}

/** What the sockets of one user ask alike when all of them come back at once. */
export class SharedReads {
  private readonly sessions = new Shared<SocketSession | null>()
  private readonly starts = new Shared<SubscriptionStart>()

  constructor(private readonly lookups: Pick<Lookups, 'findSessionById'>) {}

  session(sessionId: string): Promise<SocketSession | null> {
    return this.sessions.read(sessionId, () => this.lookups.findSessionById(sessionId))
  }

  /** See `readSubscriptionStart`. */
  start(userId: string, storeId: string | null, deviceId: string | null, streams: StreamName[]): Promise<SubscriptionStart> {
    const key = JSON.stringify([userId, storeId, deviceId, streams])
    return this.starts.read(key, () => readSubscriptionStart(userId, storeId, deviceId, streams))
  }
}
