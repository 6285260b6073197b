import { parsePercent, percentText } from '~/ui/console/model/format'
import { messageOf } from '~/ui/console/model/problems'
import { isManager, useStoreScope } from '~/ui/console/model/store-scope'
import { notify } from '~/ui/console/model/toasts'
import { saveStore } from '~/ui/console/model/writes'
import { Form, Switch, TextField, useSubmission } from '~/ui/console/parts/form'

const parseMinutes = (text: string): number | null => (/^\d{1,4}$/.test(text) && Number(text) <= 1440 ? Number(text) : null)

export function SettingsView() {
  const scope = useStoreScope()
  const { store } = scope.data
  const submission = useSubmission()
  const canWrite = isManager(scope.role)

  async function setOpen(isOpen: boolean) {
    try {
      await saveStore(scope, { isOpen })
    } catch (error) {
      notify('error', `The store was not ${isOpen ? 'opened' : 'closed'}: ${messageOf(error)}`)
    }
  }

  return (
    <div className="view">
      <header className="view-head">
        <h1>Settings</h1>
      </header>
      <section className="sheet padded" aria-label="Opening">
        <Switch
          label={store.isOpen ? 'The store is open: it takes orders' : 'The store is closed: orders are refused'}
          checked={store.isOpen}
          disabled={!canWrite}
          onChange={setOpen}
        />
      </section>
      <section className="sheet padded" aria-label="The store">
        <Form
          key={store.version}
          submission={submission}
          onSubmit={(fields) =>
            saveStore(scope, {
              name: fields.text('name'),
              prepMinutes: fields.parsed('prepMinutes', parseMinutes, 'Enter whole minutes, at most 1440'),
              taxRateBps: fields.parsed('taxRate', parsePercent, 'Enter a rate like 19 or 7.5'),
              pricesIncludeTax: fields.has('pricesIncludeTax'),
              phone: fields.optional('phone'),
              address: fields.optional('address'),
              timezone: fields.text('timezone'),
            })
          }
          onDone={() => notify('success', 'The settings are saved')}
        >
          <fieldset disabled={!canWrite} className="form">
            <legend className="visually-hidden">The store</legend>
            <div className="pair">
              <TextField
                label="Name"
                name="name"
                defaultValue={store.name}
                maxLength={120}
                required
                error={submission.errorOf('name')}
                autoComplete="off"
              />
              <TextField
                label="Preparation (minutes)"
                name="prepMinutes"
                inputMode="numeric"
                defaultValue={store.prepMinutes}
                required
                hint="Orders turn amber after half of it, red after all"
                error={submission.errorOf('prepMinutes')}
                autoComplete="off"
              />
            </div>
            <div className="pair">
              <TextField
                label="Tax rate (%)"
                name="taxRate"
                inputMode="decimal"
                defaultValue={percentText(store.taxRateBps)}
                required
                error={submission.errorOf('taxRate')}
                autoComplete="off"
              />
              <TextField
                label="Time zone"
                name="timezone"
                defaultValue={store.timezone}
                required
                error={submission.errorOf('timezone')}
                autoComplete="off"
              />
            </div>
            <div className="pair">
              <TextField
                label="Phone"
                name="phone"
                type="tel"
                defaultValue={store.phone ?? ''}
                maxLength={40}
                error={submission.errorOf('phone')}
                autoComplete="off"
              />
              <TextField
                label="Address"
                name="address"
                defaultValue={store.address ?? ''}
                maxLength={500}
                error={submission.errorOf('address')}
                autoComplete="off"
              />
            </div>
            <label className="switch">
              <input type="checkbox" name="pricesIncludeTax" defaultChecked={store.pricesIncludeTax} />
              <span>Prices include tax</span>
            </label>
            <p className="hint">Currency: {store.currency}. Orders keep the currency and the rates they were made with.</p>
            {canWrite && (
              <div className="form-actions">
                <button type="submit" className="button primary" disabled={submission.isBusy}>
                  Save
                </button>
              </div>
            )}
          </fieldset>
        </Form>
      </section>
    </div>
  )
}
