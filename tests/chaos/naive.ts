import postgres from 'postgres'
import type { Evidence } from './evidence'

/**
 * What one would write first: events numbered by BIGSERIAL, and a reader that asks for those after the last one it has
 * seen. A number is taken before its transaction ends, so numbers become visible out of order, and the reader passes by
 * those that come late. It is here to be convicted.
 */
export async function runNaiveCursor(databaseUrl: string, { seconds, writers }: { seconds: number; writers: number }): Promise<Evidence> {
  const name = `naive_${crypto.randomUUID().slice(0, 8)}`
  const sql = postgres(databaseUrl, { max: writers + 1, onnotice: () => {} })
  await sql.unsafe(`create table ${name} (id bigserial primary key, marker text not null)`)
  const acknowledged: Evidence['acknowledged'] = []
  const refused: string[] = []
  const heard: { seq: number; id: string }[] = []

  const read = (after: number) =>
    sql.unsafe<{ seq: number; marker: string }[]>(`select id::float8 as seq, marker from ${name} where id > $1 order by id`, [after])

  async function write(writer: number): Promise<void> {
    for (let made = 0; performance.now() < deadline; made++) {
      const marker = `naive-${writer}-${made}`
      const isRefused = Math.random() < 0.2
      const written = sql.begin(async (tx) => {
        const [row] = await tx.unsafe<[{ id: string }]>(`insert into ${name} (marker) values ($1) returning id`, [marker])
        // The rest of a write, which takes now longer and now shorter.
        await Bun.sleep(Math.random() * 8)
        if (isRefused) throw new Error('refused')
        return Number(row.id)
      })
      await written.then(
        (seq) => acknowledged.push({ subjectId: marker, version: 1, stream: 'all', seq, marker }),
        () => refused.push(marker),
      )
    }
  }

  async function poll(): Promise<void> {
    const cursor = heard.at(-1)?.seq ?? 0
    const rows = await read(cursor)
    heard.push(...rows.map(({ seq, marker }) => ({ seq, id: marker })))
  }

  const deadline = performance.now() + seconds * 1000
  const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  while (performance.now() < deadline) await poll()
  await writing
  await poll()

  const rows = await read(0)
  await sql.unsafe(`drop table ${name}`)
  await sql.end()
  return {
    heads: [{ stream: 'all', lastSeq: rows.at(-1)?.seq ?? 0, prunedSeq: 0 }],
    log: rows.map(({ seq, marker }) => ({ stream: 'all', seq, id: marker, subjectId: marker, version: 1, marker })),
    rows: rows.map(({ marker }) => ({ id: marker, stream: 'all', version: 1, marker, number: null })),
    acknowledged,
    refused,
    heard: [{ listener: 'the poller', stream: 'all', after: 0, events: heard }],
  }
}
