import { keepCompiledCode } from '~/utils/compiled-code'

/** Tells what is left of a process that keeps its compiled code. */
keepCompiledCode(process.env)
const { BUN_JSC_forceCodeBlockLiveness: option, MARK: mark } = process.env
console.log(JSON.stringify({ pid: process.pid, option, mark, flags: process.execArgv, rest: process.argv.slice(2) }))
