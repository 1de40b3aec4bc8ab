package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// ids of requests that change the vault.
var changing = []string{"req_gggggggggggggggggggggggggg", "req_hhhhhhhhhhhhhhhhhhhhhhhhhh", "req_iiiiiiiiiiiiiiiiiiiiiiiiii", "req_jjjjjjjjjjjjjjjjjjjjjjjjjj", "req_kkkkkkkkkkkkkkkkkkkkkkkkkk"}

// changedVault is a world whose vault has a board of two versions, a whitelist, and an
// account with other rules than it had.
func changedVault(t *testing.T) *gatewaytest.World {
	t.Helper()
	w := gatewaytest.New(t)
	entry := governance.Entry{Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", Chain: asset.Sandbox, Label: "Acme"}
	for i, c := range []intent.Intent{
		intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_board", Name: "Board", Members: []intent.Named{{Member: "mem_alice"}}},
		intent.GroupPut{Kind: intent.KindGroupPut, V: 1, Group: "grp_board", FromVersion: 1, Name: "Board", Members: []intent.Named{{Member: "mem_alice"}, {Member: "mem_bob"}}},
		intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", Name: "Suppliers", Entries: []governance.Entry{entry}},
		intent.AccountEdit{Kind: intent.KindAccountEdit, V: 1, Account: gatewaytest.Account, FromVersion: 1, Name: "Main", Rules: governance.Set{Rules: []governance.Rule{{
			Name: "one of two", Steps: []governance.Step{{Name: "approval", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}},
		}}}},
	} {
		w.Signer.Change(changing[i], c)
	}
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	return w
}

func TestTheVaultIsShownAsItIsNow(t *testing.T) {
	t.Parallel()
	w := changedVault(t)
	v := must[wire.Vault](t)(w.Gateway.Vault(t.Context(), gatewaytest.Caller()))
	root := w.Signer.Key.PublicKey().Thumbprint()
	print := must[fingerprint.Fingerprint](t)(fingerprint.Of(root))
	if v.Root.Thumbprint != root || !slices.Equal(v.Root.Words, print.Words()) || !slices.Equal(v.Root.Digits, print.Digits()) {
		t.Errorf("the root key is %+v", v.Root)
	}
	if v.AdminRule.Quorum != 2 || len(v.AdminRule.Admins) != 3 || v.AdminRule.Version != 1 || v.AdminRule.Request != "" {
		t.Errorf("%+v", v.AdminRule)
	}
	if len(v.Members) != 3 || v.Members[0].State != intent.Active || v.Members[0].Key == "" {
		t.Errorf("%+v", v.Members)
	}
	if len(v.Groups) != 1 || v.Groups[0].Version != 2 || v.Groups[0].Request != changing[1] || v.Groups[0].Gone || len(v.Groups[0].Members) != 2 {
		t.Errorf("%+v", v.Groups)
	}
	if len(v.Whitelists) != 1 || len(v.Whitelists[0].Entries) != 1 || v.Whitelists[0].Request != changing[2] {
		t.Errorf("%+v", v.Whitelists)
	}
	a := v.Accounts[0]
	if len(v.Accounts) != 1 || len(a.Rules.Rules) != 1 || len(a.Said) != 1 || a.Said[0].For != "purchases" || !slices.Equal(a.Said[0].Needs, []string{"1 of Alice and Bob"}) ||
		a.Name != "Main" || a.Version != 2 || a.Said[0].Text != "purchases. Step 1, approval: 1 of Alice and Bob. Open for 7 days; an approval can be used for 24 hours." {
		t.Errorf("%+v", a)
	}
	w.Signer.Change(changing[4], intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_board", FromVersion: 2})
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	gone := must[wire.Vault](t)(w.Gateway.Vault(t.Context(), gatewaytest.Caller())).Groups[0]
	if !gone.Gone || gone.Name != "Board" || gone.Version != 3 || len(gone.Members) != 2 {
		t.Errorf("what is removed is shown as %+v", gone)
	}
	_, err := w.Gateway.Vault(t.Context(), gatewaytest.OtherCaller())
	gatewaytest.Refused(t, err, fault.EntityUnknown)
}

func TestEachVersionSaysWhatItIsWhichRequestMadeItAndWhoApproved(t *testing.T) {
	t.Parallel()
	w := changedVault(t)
	object := func(id string, before, limit int) wire.VaultObject {
		t.Helper()
		return must[wire.VaultObject](t)(w.Gateway.VaultObject(t.Context(), gatewaytest.Caller(), id, before, limit))
	}
	board := object("grp_board", 0, 25)
	if board.Kind != wire.VaultGroupKind || board.Name != "Board" || board.Before != 0 || len(board.Versions) != 2 {
		t.Fatalf("%+v", board)
	}
	now, was := board.Versions[0], board.Versions[1]
	if now.Version != 2 || now.Request != changing[1] || len(now.Approved) != 2 || now.Approved[0].Member != "mem_alice" || now.Approved[0].At == nil || now.At.IsZero() || !strings.Contains(now.Sentence, "Board") {
		t.Errorf("%+v", now)
	}
	if !slices.Equal(now.Lines, append(slices.Clone(was.Lines), wire.Line{Label: "Member", Value: "Bob (mem_bob)"})) {
		t.Errorf("%v became %v", was.Lines, now.Lines)
	}
	first := object("grp_board", 0, 1)
	if rest := object("grp_board", first.Before, 1); len(first.Versions) != 1 || first.Before != 2 || rest.Versions[0].Version != 1 || rest.Before != 0 {
		t.Errorf("%+v, then %+v", first, rest)
	}
	for id, want := range map[string]string{
		"mem_alice": "State ACTIVE", "wls_suppliers": "Address 0x 7E5F 4552 091A 6912 5d5D fCb7 b8C2 6590 2939 5Bdf on Sandbox chain (eip155:31337), Acme",
		"acc_treasury": "Rule one of two: purchases. Step 1, approval: 1 of Alice and Bob. Open for 7 days; an approval can be used for 24 hours.",
		"admin":        "Quorum 2 of the administrators approve what changes the vault",
	} {
		v := object(id, 0, 25).Versions[0]
		if !slices.ContainsFunc(v.Lines, func(l wire.Line) bool { return l.Label+" "+l.Value == want }) {
			t.Errorf("%s: %v", id, v.Lines)
		}
		if v.Seq == 0 && (len(v.Approved) != 3 || v.Approved[0].At != nil || v.At.IsZero()) {
			t.Errorf("%s: the genesis was approved by %+v", id, v.Approved)
		}
	}
	was = object("acc_treasury", 2, 1).Versions[0]
	if rule := was.Lines[len(was.Lines)-1].Value; was.Version != 1 || was.Lines[0].Value != "Treasury" || rule != "two of three: purchases. Step 1, approval: 2 of Alice, Bob and Carol. Open for 7 days; an approval can be used for 24 hours." {
		t.Errorf("before its rules changed it was %+v", was)
	}
	for _, id := range []string{"grp_none", "req_none"} {
		_, err := w.Gateway.VaultObject(t.Context(), gatewaytest.Caller(), id, 0, 25)
		gatewaytest.Refused(t, err, fault.NotFound)
	}
}

func TestTheLogSaysInWordsWhatEachEntryIs(t *testing.T) {
	t.Parallel()
	w := changedVault(t)
	w.Signer.Decide(w.Requested().ID, "mem_bob", statement.Approve)
	w.Signer.Checkpoint()
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	page := must[wire.LogPage](t)(w.Gateway.LogPage(t.Context(), gatewaytest.Caller(), -1, 500, true))
	all := ""
	for _, e := range page.Entries {
		all += e.Said.Text + "\n"
	}
	for _, want := range []string{
		"The vault begins\nAsked for: Make group Board", "Alice approved: Make group Board", "Closed as approved: Change group Board", "Asked for: Buy ", "Bob approved: Buy ", "Checkpoint: ",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	if e := page.Entries[1].Said; e.Request != changing[0] || e.Type != "request" || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := must[wire.LogPage](t)(w.Gateway.LogPage(t.Context(), gatewaytest.Caller(), -1, 1, false)).Entries[0]; e.Said != nil {
		t.Errorf("without being asked: %+v", e.Said)
	}
}
