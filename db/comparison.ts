import { sql } from 'drizzle-orm'
import { alongWithOrigin } from '~/db/epochs'
import { Statement, slot } from '~/db/statement'
import type { StreamName } from '~/utils/contracts/logged-event'

/** What an instance asks every second: all in one statement, hence one snapshot, and one turn of an idle process for the answer. */

export type Head = { stream: StreamName; epoch: string; seq: number }

export type Found = {
  /** This is not the database in which the log was written: nothing else of the answer counts. */
  isAnotherLog: boolean
  /** Of the heads in question the ones that the log has otherwise, as it has them. */
  heads: Head[]
  /** Those that ended within the last so many seconds, by whichever instance. */
  endedSessions: string[]
}

/** The text of a question about these heads; it may be asked any number of times. */
export const headsQuestion = (known: { name: StreamName; epoch: string; headSeq: number }[]): string =>
  JSON.stringify(known.map(({ name, epoch, headSeq }) => ({ stream: name, epoch, seq: headSeq })))

export async function compareWithLog(question: string, endedWithinSeconds: number): Promise<Found> {
  const [found] = await ask({ known: question, endedWithinSeconds })
  if (!found) throw new Error('The comparison has no answer')
  return found
}

const ask = alongWithOrigin<{ known: string; endedWithinSeconds: number }, Found>(
  (isAnotherLog) =>
    new Statement(
      () => sql`
        select ${isAnotherLog},
          (select json_agg(json_build_object('stream', stream, 'epoch', s.epoch, 'seq', s.last_seq))
            from json_to_recordset(${slot('known')}::json) as q(stream text, epoch text, seq bigint)
            join streams s using (stream) where s.last_seq <> q.seq or s.epoch <> q.epoch),
          (select json_agg(id) from sessions where ended_at > now() - make_interval(secs => ${slot('endedWithinSeconds')}))`,
      ([isAnother, heads, endedSessions]) => ({ isAnotherLog: isAnother, heads: heads ?? [], endedSessions: endedSessions ?? [] }) as Found,
    ),
)
