import { resolve } from 'node:path'

/** The scripts and styles of the pages under `ui/`, bundled in memory. */

export type PageName = 'console' | 'track'
export type Asset = { type: string; plain: Uint8Array<ArrayBuffer>; gzipped: Uint8Array<ArrayBuffer> }
export type Bundle = {
  /** By file name; the name carries the content's hash, so that it may be cached for good. */
  assets: Map<string, Asset>
  pages: Record<PageName, string[]>
}

const root = resolve(import.meta.dir, '..')
const types: Record<string, string> = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' }

let running: Promise<Bundle> | undefined

/** Bundles once, at the first call; a failed attempt is forgotten, so that the next call tries again. */
export function getBundle(): Promise<Bundle> {
  running ??= bundle().catch((error: unknown) => {
    running = undefined
    throw error
  })
  return running
}

async function bundle(): Promise<Bundle> {
  const assets = new Map<string, Asset>()
  const [console, track] = await Promise.all([bundlePage('console', assets), bundlePage('track', assets)])
  return { assets, pages: { console, track } }
}

/** Answers the names of the page's files. */
async function bundlePage(page: PageName, assets: Map<string, Asset>): Promise<string[]> {
  const built = await Bun.build({
    entrypoints: [`${root}/ui/console/${page}.tsx`],
    target: 'browser',
    minify: true,
    naming: '[name]-[hash].[ext]',
    // React's production build, whatever this process runs as: the other one says more than a stranger should read.
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  return Promise.all(
    built.outputs.map(async (output) => {
      const name = output.path.slice(output.path.lastIndexOf('/') + 1)
      const plain = new Uint8Array(await output.arrayBuffer())
      const type = types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
      assets.set(name, { type, plain, gzipped: Bun.gzipSync(plain) })
      return name
    }),
  )
}
