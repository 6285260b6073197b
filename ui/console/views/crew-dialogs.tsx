import { useState } from 'react'
import { rest } from '~/ui/console/model/rest'
import { grants, memberRoles, roleNames } from '~/ui/console/model/roles'
import { deviceLink } from '~/ui/console/model/session'
import { useStoreScope } from '~/ui/console/model/store-scope'
import { useOnce } from '~/ui/console/model/writes'
import { CopyButton } from '~/ui/console/parts/copy-button'
import { Dialog } from '~/ui/console/parts/dialog'
import { Form, SelectField, TextField, useSubmission } from '~/ui/console/parts/form'
import type { CreateDevice, NewDevice } from '~/utils/contracts/member'

export function MemberDialog({ onClose }: { onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  return (
    <Dialog title="Add a member" onClose={onClose}>
      <Form
        submission={submission}
        onDone={onClose}
        onSubmit={async (fields) => {
          const body = { email: fields.text('email'), role: fields.oneOf('role', memberRoles) }
          await rest.call('POST /stores/{storeId}/members', { params: { storeId: scope.storeId }, body, headers: once(body) })
          scope.state.crewChanged()
        }}
      >
        <TextField
          label="E-mail"
          name="email"
          type="email"
          required
          hint="Of somebody who has an account"
          error={submission.errorOf('email')}
          autoComplete="off"
        />
        <SelectField label="Role" name="role" defaultValue="staff" options={grants[scope.role].map((role) => [role, roleNames[role]] as const)} />
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Add
          </button>
        </div>
      </Form>
    </Dialog>
  )
}

const deviceRoles = [
  ['staff', 'Till (staff)'],
  ['kitchen', 'Wall screen (kitchen)'],
  ['kiosk', 'Guests order themselves (kiosk)'],
] as const

export function DeviceDialog({ onClose }: { onClose: () => void }) {
  const scope = useStoreScope()
  const submission = useSubmission()
  const once = useOnce()
  const [made, setMade] = useState<NewDevice>()
  if (made) {
    return (
      <Dialog title={`${made.device.name} is ready`} onClose={onClose}>
        {made.token ? (
          <>
            <p>Open this link once on the device: it signs itself in and stays so until you remove it. It is shown only now.</p>
            <p className="token">
              <code>{deviceLink(made.token)}</code>
            </p>
            <div className="form-actions">
              <CopyButton text={deviceLink(made.token)} label="Copy link" />
              <CopyButton text={made.token} label="Copy token" />
            </div>
          </>
        ) : (
          <p>Its token was told before and cannot be told again. Remove the device and make a new one.</p>
        )}
      </Dialog>
    )
  }
  return (
    <Dialog title="Add a device" onClose={onClose}>
      <Form
        submission={submission}
        onSubmit={async (fields) => {
          const roles = deviceRoles.map(([role]) => role)
          const body: CreateDevice = { name: fields.text('name'), role: fields.oneOf('role', roles) }
          const { data } = await rest.call('POST /stores/{storeId}/devices', { params: { storeId: scope.storeId }, body, headers: once(body) })
          setMade(data)
          scope.state.crewChanged()
        }}
      >
        <TextField label="Name" name="name" placeholder="Till 2" maxLength={120} required error={submission.errorOf('name')} autoComplete="off" />
        <SelectField label="What for" name="role" defaultValue="staff" options={deviceRoles} />
        <div className="form-actions">
          <button type="submit" className="button primary" disabled={submission.isBusy}>
            Add
          </button>
        </div>
      </Form>
    </Dialog>
  )
}
