import { keepCompiledCode } from '~/utils/compiled-code'

/** The process begins here, with nothing loaded before it is known to stay; what it does is in workers/process.ts. */
if (import.meta.main) {
  keepCompiledCode(process.env)
  const { run } = await import('~/workers/process')
  await run()
}
