import { useEffect, useState } from 'react'
import { messageOf } from '~/ui/console/model/problems'
import { rest } from '~/ui/console/model/rest'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { Icon } from '~/ui/console/parts/icon'
import { DeviceDialog, MemberDialog } from '~/ui/console/views/crew-dialogs'
import { CrewList } from '~/ui/console/views/crew-list'
import type { StoreMember } from '~/utils/contracts/member'
import type { PresentUser } from '~/utils/contracts/presence'

export function TeamView() {
  const scope = useStoreScope()
  const { members, present, problem } = useCrew()
  const [adding, setAdding] = useState<'member' | 'device'>()
  const people = members.filter((member) => member.kind === 'person')
  const devices = members.filter((member) => member.kind === 'device')
  const online = new Map(present.map((user) => [user.userId, user.sessions]))
  const canAdd = isManager(scope.role)
  return (
    <div className="view">
      <header className="view-head">
        <h1>Team</h1>
        <span className="soft">{present.length} online</span>
        {canAdd && (
          <span className="head-actions">
            <button type="button" className="button" onClick={() => setAdding('device')}>
              <Icon name="plus" /> Device
            </button>
            <button type="button" className="button primary" onClick={() => setAdding('member')}>
              <Icon name="plus" /> Member
            </button>
          </span>
        )}
      </header>
      {problem && <p role="alert">{problem}</p>}
      <CrewList title="People" members={people} online={online} />
      <CrewList title="Devices" members={devices} online={online} />
      {adding === 'member' && <MemberDialog onClose={() => setAdding(undefined)} />}
      {adding === 'device' && <DeviceDialog onClose={() => setAdding(undefined)} />}
    </div>
  )
}

/** Members and who is online, read again whenever an event tells of either. */
function useCrew() {
  const { storeId, data } = useStoreScope()
  const [members, setMembers] = useState<StoreMember[]>([])
  const [present, setPresent] = useState<PresentUser[]>([])
  const [problem, setProblem] = useState('')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the revision says when to read again
  useEffect(() => {
    let isCurrent = true
    const params = { storeId }
    Promise.all([rest.readAll('GET /stores/{storeId}/members', { params }), rest.call('GET /stores/{storeId}/presence', { params })]).then(
      ([{ rows: crew }, { data: users }]) => {
        if (!isCurrent) return
        setMembers(crew)
        setPresent(users)
        setProblem('')
      },
      (error: unknown) => isCurrent && setProblem(messageOf(error)),
    )
    return () => {
      isCurrent = false
    }
  }, [storeId, data.crewRevision])
  return { members, present, problem }
}
