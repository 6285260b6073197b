/** An option of JavaScriptCore, which Bun takes from the environment and only when a process begins. */
const option = 'BUN_JSC_forceCodeBlockLiveness'
/** Bun promises nothing of the engine's options, and does not start with one that it does not know. */
const measuredWith = '1.4.5'

/**
 * Begins the process anew, as the same process (execve(2)), with compiled code that is kept. Left to itself the engine throws
 * away what it compiled over a minute ago at each collection of the whole heap, however often it runs, and a busy server
 * compiles itself again and again (docs/adr/0007). Returns when there is nothing to do: that is so already, somebody has
 * set the option, or a parent talks to this process; and where it was not measured. To be called before anything else is loaded.
 */
export function keepCompiledCode(environment: Record<string, string | undefined>): void {
  if (Bun.version !== measuredWith || environment[option] !== undefined || process.send) return
  const [program, ...rest] = process.argv
  if (program) process.execve?.(program, [program, ...process.execArgv, ...rest], { ...environment, [option]: '1' })
}
