/** `/metrics` as Prometheus reads it (text format 0.0.4). */

export type Sample = { name: string; labels: Record<string, string>; value: number }

export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (!match) return []
    const [, name = '', labelText = '', value = ''] = match
    const labels = Object.fromEntries([...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', label = '']) => [key, label]))
    return [{ name, labels, value: Number(value) }]
  })
}

/** The samples of one look at a process, to be asked by name and labels. */
export class Scrape {
  constructor(readonly samples: Sample[]) {}

  static async of(base: string, token?: string): Promise<Scrape> {
    const response = await fetch(`${base}/metrics`, { headers: token ? { Authorization: `Bearer ${token}` } : {} })
    if (response.status !== 200) throw new Error(`metrics: ${response.status}`)
    return new Scrape(parseMetrics(await response.text()))
  }

  /** The sum of the samples with this name and these labels; 0 when there are none. */
  value(name: string, labels: Record<string, string> = {}): number {
    const wanted = Object.entries(labels)
    const found = this.samples.filter((sample) => sample.name === name && wanted.every(([key, label]) => sample.labels[key] === label))
    return found.reduce((sum, sample) => sum + sample.value, 0)
  }
}
