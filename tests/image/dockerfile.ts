/** What a Dockerfile says, as far as ours goes: anything else is refused, so that nothing in it goes unnoticed. */

export type Instruction = { name: string; rest: string }
export type Stage = { image: string; name: string | null; instructions: Instruction[] }

/** `arguments_` are those of `--build-arg`. */
export function readDockerfile(text: string, arguments_: Record<string, string> = {}): Stage[] {
  const stages: Stage[] = []
  const known: Record<string, string> = {}
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1)
    if (instruction.name === 'FROM') {
      const [, image = '', name = null] = /^(\S+)(?: AS (\S+))?$/.exec(substitute(instruction.rest, known)) ?? []
      stages.push({ image, name, instructions: [] })
    } else if (stage) stage.instructions.push(instruction)
    else if (instruction.name === 'ARG') {
      const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(instruction.rest) ?? []
      known[key] = arguments_[key] ?? value
    } else throw new Error(`${instruction.name} stands before the first FROM`)
  }
  return stages
}

function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  return lines
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^\s*([A-Z]+)\s+(.*\S)\s*$/.exec(line) ?? []
      if (!name) throw new Error(`not an instruction: ${line}`)
      return { name, rest }
    })
}

const substitute = (text: string, values: Record<string, string>) =>
  text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`${name} has no value`)
    return value
  })

/** `["bun", "server.ts"]` */
export function execForm(text: string): string[] {
  const parsed: unknown = JSON.parse(text)
  if (!Array.isArray(parsed) || parsed.some((part) => typeof part !== 'string')) throw new Error(`not a list of words: ${text}`)
  return parsed
}
