package hostile

import (
	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/wire"
)

// reporting is what the gateway does to reporting keys. What it shows to whom, of its own read
// model, no key prevents: a hostile gateway can always show that. What it cannot do is have the
// vault, or whoever has the log, believe in another key than the administrators approved.
func reporting() []row {
	const taken, ended = "req_eeeeeeeeeeeeeeeeeeeeeeeeee", "req_ffffffffffffffffffffffffff"
	revoked := func(how func(*world) error) func(*world) error {
		return func(w *world) error {
			w.must(w.gateway.request(taken, reader(1)))
			w.must(w.approve(taken, "mem_alice", "mem_bob"))
			w.must(w.gateway.request(ended, unreader()))
			w.must(w.approve(ended, "mem_alice", "mem_bob"))
			return how(w)
		}
	}
	shows := func(change func(*wire.VaultReportingKey)) func(*world) error {
		return after(reader(1), shown("/v1/vault", func(_ *world, v *wire.Vault) { change(&v.ReportingKeys[0]) }))
	}
	differs := func(does string, how func(*world) error) row {
		return row{does, audits, how, auditor, fault.Conflict, ""}
	}
	return []row{
		// What it asks for instead, an administrator reads.
		{"asks for a reporting key for all accounts", reports, swapped(func(k *intent.ReportingKeyCreate) { k.Reads, k.Accounts = intent.ReadsAll, nil }), person, fault.Declined, ""},
		{"asks for a reporting key of a secret that it knows", reports, swapped(func(k *intent.ReportingKeyCreate) { k.Verifier = apikey.Verifier("known") }), person, fault.Declined, ""},
		{"asks for a reporting key that never ends", reports, swapped(func(k *intent.ReportingKeyCreate) { k.Expires = 0 }), person, fault.Declined, ""},
		{"asks for a reporting key under another name", reports, swapped(func(k *intent.ReportingKeyCreate) { k.Name = "Accounting, new" }), person, fault.Declined, ""},
		// What does not fit the vault, the signer refuses.
		{"asks for a reporting key for an account that there is none of", reports, swapped(func(k *intent.ReportingKeyCreate) { k.Accounts[0].Account = "acc_other" }), atSigner, fault.NotFound, "field=accounts.0.account"},
		{"widens a reporting key that there is", reports, after(reader(1), swapped(func(k *intent.ReportingKeyCreate) {
			k.Reads, k.Accounts, k.Verifier = intent.ReadsAll, nil, apikey.Verifier("another")
		})), atSigner, fault.Conflict, "field=reporting_key"},
		{"revives a reporting key that was revoked", reports, revoked(func(w *world) error { return w.gateway.request(wanted, reader(2)) }), atSigner, fault.Conflict, "field=reporting_key"},
		{"revives the secret of a reporting key that was revoked", reports, revoked(func(w *world) error {
			again := reader(1)
			again.ReportingKey = "rpk_another"
			return w.gateway.request(wanted, again)
		}), atSigner, fault.Invalid, "field=verifier"},
		{"writes the secret where its verifier belongs", reports, asked(func(in *wire.SignerRequestInput) {
			intenttest.Edit(&in.Intent, func(k *intent.ReportingKeyCreate) { k.Verifier = "ol_test_Kb1M7K24EuBEAlojVP0Wlixajigw9C2RzoLx" })
		}), atSigner, fault.Invalid, "field=verifier"},
		// What it shows, an auditor compares with the log.
		differs("shows a reporting key with a wider scope", shows(func(k *wire.VaultReportingKey) { k.Reads, k.Accounts = intent.ReadsAll, nil })),
		differs("shows a reporting key for an account more", shows(func(k *wire.VaultReportingKey) { k.Accounts = append(k.Accounts, "acc_other") })),
		differs("shows another verifier of a reporting key", shows(func(k *wire.VaultReportingKey) { k.Verifier = apikey.Verifier("known") })),
		differs("shows a reporting key that nobody approved", shows(func(k *wire.VaultReportingKey) { k.ID = "rpk_mallory" })),
		differs("shows a reporting key as revoked that still reads", shows(func(k *wire.VaultReportingKey) { k.State = intent.Revoked })),
		differs("shows a revoked reporting key as active", revoked(shown("/v1/vault", func(_ *world, v *wire.Vault) { v.ReportingKeys[0].State = intent.Active }))),
		differs("hides a reporting key", after(reader(1), shown("/v1/vault", func(_ *world, v *wire.Vault) { v.ReportingKeys = nil }))),
	}
}
