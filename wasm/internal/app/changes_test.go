package app

import (
	"slices"
	"strings"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/wire"
)

// sampleChange is a request of a kind that the page is told of in words: for what changes the vault, or
// replaces a transfer.
func sampleChange(i intent.Intent, state string) wire.Request {
	r := sampleRequest(state)
	r.ID, r.Intent, r.Sentence, r.Address = "req_change", intenttest.Doc(i), i.Title(), nil
	for _, l := range slices.Concat(i.Lines(), intent.WhyLines(i)) {
		r.Lines = append(r.Lines, wire.Line{Label: l.Label, Value: l.Value})
	}
	if own, ok := i.(intent.Receiver); ok {
		to := own.Receives()
		r.Address = &wire.DepositInfo{Chain: to.Chain, Address: to.Address, Attestation: "eyJ…", Verified: true}
	}
	if state == wire.RequestCompleted {
		r.Signature = &wire.Signature{State: wire.SignatureSigned, Address: address1, Digest: strings.Repeat("A", 43), Signature: "0x00"}
	}
	if _, ok := i.(intent.Change); ok {
		r.Rule = wire.Rule{RuleSet: governance.Admin, Name: "administrators", Version: 1}
	}
	return r
}

// messages are those of kinds that the browser's core does not have in any form.
var messages []intent.Intent

// changeScenes show each kind that the page is told of in words, while it waits and when it was
// approved.
func changeScenes() map[string]func() *Model {
	officers := []intent.Named{{Member: "mem_bob", Name: "Bob Okafor"}, {Member: "mem_carol", Name: "Carol Nguyen"}}
	registered := &intent.Keys{Approval: jwk.Key{Kty: "EC", Crv: "secp256k1"}, ChannelIn: "token", Fingerprint: strings.Repeat("A", 43)}
	mill := governance.Entry{Address: address1, Chain: "eip155:31337", Label: "Northern Mill"}
	all := map[string]func() *Model{}
	for _, i := range append(messages, []intent.Intent{
		intent.Replace{Kind: intent.KindReplace, V: 1, Account: "acc_treasury", AccountName: "Treasury", Request: "req_transfer", Action: intent.Cancel, Chain: "eip155:31337", From: address1,
			Nonce: 7, Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"}, To: intent.Recipient{Address: address1}, FeeBefore: intent.Crypto{Amount: "0.0021", Asset: "ethereum"},
			MaxFee: intent.Crypto{Amount: "0.0042", Asset: "ethereum"}, Purpose: "The invoice was paid twice"},
		intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_officers", FromVersion: 2, Name: "Officers", Members: officers[:1], Before: &intent.GroupBefore{Name: "Officers", Members: officers}, Purpose: "Carol left"},
		intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_officers", FromVersion: 2, Name: "Officers", Members: officers},
		intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{mill}},
		intent.AdminRulePut{Kind: intent.KindAdminRulePut, V: 1, FromVersion: 1, Quorum: 3, Before: 2, Admins: 4},
		intent.AccountCreate{Kind: intent.KindAccountCreate, V: 1, Account: "acc_trading", Name: "Trading", Chain: "eip155:31337", Address: address1, Tier: intent.Trading,
			Parent: "acc_treasury", ParentName: "Treasury", Rules: governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "treasury", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}}}}},
		intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: "acc_treasury", FromVersion: 1, Name: "Treasury",
			Rules:  governance.Set{Version: 2, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "treasury", Quorum: 2, Members: []string{"mem_alice", "mem_bob"}}}}}},
			Before: intent.AccountBefore{Name: "Treasury", Order: []string{"all"}, Rules: governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "treasury", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}}}}}},
		intent.MemberInvite{Kind: intent.KindMemberInvite, V: 1, Member: "mem_erin", Name: "Erin Walsh", Role: "OPERATOR", Is: intent.Human, Registration: "a.b.c", Keys: registered},
		intent.MemberReplaceKeys{Kind: intent.KindMemberReplaceKeys, V: 1, Member: "mem_bob", FromVersion: 1, Name: "Bob Okafor", Role: "OPERATOR", Registration: "a.b.c", Keys: registered, Purpose: "Bob lost his token"},
		intent.MemberState{Kind: intent.KindMemberSuspend, V: 1, Member: "mem_bob", FromVersion: 1, Name: "Bob Okafor", Role: "OPERATOR"},
		intent.MemberState{Kind: intent.KindMemberResume, V: 1, Member: "mem_bob", FromVersion: 2, Name: "Bob Okafor", Role: "OPERATOR"},
		intent.VaultRotateKeys{Kind: intent.KindVaultRotateKeys, V: 1, FromVersion: 1, Statement: registered.Approval, Channel: []jwk.Key{registered.Approval}, Succession: "a.b.c",
			Accounts: []intent.NewAddress{{Account: "acc_treasury", Address: address1}}, Thumbprint: strings.Repeat("A", 43), Before: strings.Repeat("A", 42) + "E", Purpose: "The token is replaced"},
		intent.MemberState{Kind: intent.KindMemberRevoke, V: 1, Member: "mem_bob", FromVersion: 1, Name: "Bob Okafor", Role: "OPERATOR"},
		intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: "rpk_accounting", Name: "Accounting", Reads: intent.ReadsAccounts,
			Accounts: []intent.NamedAccount{{Account: "acc_treasury", Name: "Treasury"}}, Verifier: strings.Repeat("A", 43), Expires: 1826668800, Purpose: "The monthly report"},
		intent.ReportingKeyRevoke{Kind: intent.KindReportingKeyRevoke, V: 1, ReportingKey: "rpk_accounting", FromVersion: 1, Name: "Accounting"},
	}...) {
		name := "request-" + strings.ReplaceAll(i.Facts().Kind, ".", "-")
		show := func(state string) func() *Model {
			return func() *Model {
				m := ready(stage("/requests/req_change"))
				m.Update(Loaded{What: TheRequest, ID: "req_change", Value: sampleChange(i, state)})
				return m
			}
		}
		all[name], all[name+"-approved"] = show(wire.RequestPending), show(wire.RequestApproved)
		if _, signs := i.(intent.Messenger); signs {
			all[name+"-signed"] = show(wire.RequestCompleted)
		}
	}
	return all
}
