import { expect, test } from 'bun:test'
import { transitions } from '~/ui/client/states'
import { closeCodes, policyOf } from '~/utils/contracts/ws-codes'

const cellsOf = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

test('docs/client-states.md shows the very transitions of the code', async () => {
  const text = await Bun.file(`${import.meta.dir}/../docs/client-states.md`).text()
  const [head = '', , ...rows] = (text.split('<!-- transitions -->')[1] ?? '').trim().split('\n\n')[0]?.split('\n') ?? []
  const events = cellsOf(head).slice(1)
  const documented = rows.map(cellsOf).map(([state = '', ...cells]) => {
    return [state, Object.fromEntries(cells.flatMap((cell, index) => (cell ? [[events[index], cell]] : [])))]
  })
  expect(Object.fromEntries(documented)).toEqual(transitions as never)
})

test('every close code of the contract has the policy of its range', () => {
  for (const [code, { client }] of Object.entries(closeCodes)) expect(policyOf(Number(code)), code).toBe(client)
  expect([4402, 4410, 1002].map(policyOf)).toEqual(['signs in again', 'reconnects', 'reconnects'])
})
