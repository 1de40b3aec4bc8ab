package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/wire"
	"countersign/softhsm/e2e/system"
)

// TestAPurchaseAndAChangeAreDoneOnceHoweverProgramsAreKilled kills the signer, the gateway or
// the bridge in the middle of each call: as soon as the signer has begun to write what the
// call comes to. Whoever had no answer asks again as they did.
func TestAPurchaseAndAChangeAreDoneOnceHoweverProgramsAreKilled(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	var asked []string
	for n, victim := range []string{"signer", "gateway", "bridge"} {
		best, err := k.story.Quotes(k.ctx, "250")
		if err != nil {
			t.Fatal(err)
		}
		change := intent.WhitelistPut{Kind: intent.KindWhitelistPut, V: 1, Whitelist: "wls_suppliers", FromVersion: n, Name: "Suppliers",
			Entries: []governance.Entry{{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:31337", Label: fmt.Sprint("Mill ", n)}}}
		for what, in := range map[string]wire.RequestInput{
			"purchase": {QuoteID: best.ID, AccountID: system.Account},
			"change":   {Intent: intenttest.Doc(change)},
		} {
			id := k.course(victim, victim+" "+what, in)
			asked = append(asked, id)
			var now wire.Request
			if err := k.story.Gateway.Do(k.ctx, http.MethodGet, "/v1/requests/"+id, nil, &now); err != nil {
				t.Fatal(err)
			}
			if now.State != wire.RequestApproved || now.Approved != 2 {
				t.Errorf("%s, the %s killed: %s, %d approvals", what, victim, now.State, now.Approved)
			}
		}
	}
	k.once(asked)
}

// course takes a request to its approval while one program is killed in each call.
func (k *killing) course(victim, key string, in wire.RequestInput) string {
	k.Helper()
	gateway := *k.story.Gateway
	gateway.Key = strings.ReplaceAll(key, " ", "-")
	var r wire.Request
	ask := func() error { return gateway.Do(k.ctx, http.MethodPost, "/v1/requests", in, &r) }
	if victim != "bridge" { // which has no part in it
		k.during(victim, ask)
	}
	if err := ask(); err != nil {
		k.Fatalf("%s, asked again: %v", key, err)
	}
	for _, member := range []string{"mem_alice", "mem_bob"} {
		approve := func() error { return decide(k.T, k.rig, k.story, r.ID, member, "APPROVE") }
		k.during(victim, approve)
		switch err := approve(); fault.CodeOf(err) {
		case "", fault.AlreadyApproved, fault.RequestClosed:
		default:
			k.Fatalf("%s, %s approves again: %v", key, member, err)
		}
	}
	return r.ID
}

// during kills a program while a call is under way, and starts it again.
func (k *killing) during(victim string, call func() error) {
	k.Helper()
	wait := k.grows(filepath.Join(k.State.Dir, "vault", "log-000000000000.jws"), "", func() { k.KillProgram(victim) })
	_ = call() // what became of it, nobody knows
	wait()
	if err := k.StartProgram(k.ctx, victim); err != nil {
		k.Fatal(err)
	}
}

// once verifies the signer's log, and counts what it has of each request.
func (k *killing) once(requests []string) {
	k.Helper()
	cmd := exec.CommandContext(k.ctx, filepath.Join(k.bin(), "countersign-bridge"), "signer", "verify", "--config="+filepath.Join(k.State.Dir, "config", "signer.json"),
		"--signer-file="+filepath.Join(k.State.Dir, "identities", "signer.json"))
	if out, err := cmd.CombinedOutput(); err != nil {
		k.Errorf("the log: %v\n%s", err, out)
	}
	log, err := os.ReadFile(filepath.Join(k.State.Dir, "vault", "log-000000000000.jws"))
	if err != nil {
		k.Fatal(err)
	}
	found := map[string]map[string]int{}
	for line := range strings.Lines(string(log)) {
		payload, err := jws.Payload(strings.TrimSpace(line))
		if err != nil {
			k.Fatal(err)
		}
		e, err := signedlog.Decode(payload)
		if err != nil {
			k.Fatal(err)
		}
		if id, err := e.Concerns(); err == nil {
			if found[id] == nil {
				found[id] = map[string]int{}
			}
			found[id][e.Type]++
		}
	}
	for _, id := range requests {
		want := fmt.Sprint(map[string]int{signedlog.Request: 1, signedlog.Approval: 2, signedlog.Outcome: 1})
		if got := fmt.Sprint(found[id]); got != want {
			k.Errorf("%s: the log has %s, want %s", id, got, want)
		}
	}
}
