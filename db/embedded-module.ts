let compiled: Promise<WebAssembly.Module> | undefined

/**
 * PostgreSQL as WebAssembly, once a process. Nine megabytes take the runtime a fifth of a second, in a thread of its own:
 * begun before the modules of an instance are loaded, it takes nothing of a start.
 */
export function compileEmbedded(): Promise<WebAssembly.Module> {
  if (!compiled) {
    compiled = compile()
    // Whoever opens the database waits for it and hears of a failure.
    compiled.catch(() => {})
  }
  return compiled
}

async function compile(): Promise<WebAssembly.Module> {
  const file = new URL('pglite.wasm', import.meta.resolve('@electric-sql/pglite'))
  return WebAssembly.compile(await Bun.file(file).arrayBuffer())
}
