package signer

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/rehearsal"
	"countersign/shared/statement"
)

// tightened wants all three instead of two of three.
func tightened(from int) intent.AccountEdit {
	return edits(from, governance.Rule{Name: "two of three", Steps: []governance.Step{{Name: "approval", Quorum: 3, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}}})
}

// lived is a vault with three purchases: one that waits, one approved and one rejected.
func lived(t *testing.T) *rig {
	t.Helper()
	g := newRig(t, twoOfThree())
	for i := range 3 {
		r := g.request(newRequestID(t))
		switch i {
		case 1:
			approveRequest(t, g, r.Request)
		case 2:
			if _, _, err := mustConnect(t, g, "mem_bob").Decide(r.Request, statement.Reject); err != nil {
				t.Fatal(err)
			}
		}
		g.clock.add(time.Minute)
	}
	return g
}

func (g *rig) impact(id string) (r rehearsal.Report, code fault.Code) {
	return r, g.call("GET", "/v1/requests/"+id+"/impact", nil, &r)
}

func TestAdministratorsReadAndSignWhatAChangeDoes(t *testing.T) {
	t.Parallel()
	g := lived(t)
	id := newRequestID(t)
	if code := g.change(id, tightened(1)); code != "" {
		t.Fatal(code)
	}
	data, ferr := mustConnect(t, g, "mem_alice").Statement(id, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	a, err := statement.Decode[statement.Approval](data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := statement.Text(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Impact        2 of 2 past requests would have needed more approvals\n", "Impact        1 open request needs 1 more approval\n",
		"Impact        new: if the token of Alice is lost, nobody can approve what rule \"two of three\" of Treasury governs\n",
		"Report        " + a.Impact.Report + ", of log entries 0 to 8\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the prompt lacks %q:\n%s", want, text)
		}
	}
	r, code := g.impact(id)
	if code != "" || r.Digest() != a.Impact.Report || r.Log.Size != 9 || !slices.Equal(r.Summary()[:2], a.Impact.Summary[:2]) {
		t.Errorf("%s: %+v", code, r)
	}
}

// The report says what was true when the request was made, whatever the vault became since.
func TestTheReportOfAChangeIsTheSameAtAnyLaterTime(t *testing.T) {
	t.Parallel()
	g := lived(t)
	id := newRequestID(t)
	if code := g.change(id, tightened(1)); code != "" {
		t.Fatal(code)
	}
	before, code := g.impact(id)
	if code != "" {
		t.Fatal(code)
	}
	g.request(newRequestID(t))
	g.changed(turns(intent.KindMemberSuspend, "carol", 1), "mem_alice", "mem_bob") // a rule names whom it suspends
	if got := g.look(id).State; got != "BLOCKED" {
		t.Errorf("the change is %s", got)
	}
	if err := g.service.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.restart()
	after, code := g.impact(id)
	if code != "" || after.Digest() != before.Digest() {
		t.Errorf("%s: %+v became %+v", code, before, after)
	}
	cfg, signerFile := g.written(t)
	for _, file := range []string{signerFile, ""} {
		r, said, err := Recompute(t.Context(), cfg.StateDir, file, id, Stdio{Err: &bytes.Buffer{}})
		if err != nil || r.Digest() != said.Report || r.Digest() != before.Digest() {
			t.Errorf("from the log: %v, %+v", err, r)
		}
	}
	second := g.look(id)
	if second.Impact == nil || second.Impact.Report != before.Digest() {
		t.Errorf("%+v", second.Impact)
	}
}

func TestWhatChangesNothingHasNoImpact(t *testing.T) {
	t.Parallel()
	g := lived(t)
	bought := g.request(newRequestID(t))
	if bought.Impact != nil {
		t.Errorf("%+v", bought.Impact)
	}
	if _, code := g.impact(bought.Request); code != fault.Conflict {
		t.Errorf("a purchase: %s", code)
	}
	if _, code := g.impact(newRequestID(t)); code != fault.NotFound {
		t.Errorf("no request: %s", code)
	}
	cfg, _ := g.written(t)
	for id, want := range map[string]fault.Code{bought.Request: fault.Conflict, newRequestID(t): fault.NotFound} {
		if _, _, err := Recompute(t.Context(), cfg.StateDir, "", id, Stdio{Err: &bytes.Buffer{}}); fault.CodeOf(err) != want {
			t.Errorf("%s from the log: %v", id, err)
		}
	}
}

func TestADryRunOfAChangeSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	g := lived(t)
	id := newRequestID(t)
	in := g.input(id)
	in.Intent = intenttest.Doc(tightened(1))
	before := g.kept()
	e, code := g.dry(in, "true")
	if code != "" || e.Impact == nil || e.Impact.Summary[0] != "2 of 2 past requests would have needed more approvals" {
		t.Fatalf("%s: %+v", code, e.Impact)
	}
	if len(e.Findings) == 0 || e.Findings[0].Rule == "" || e.Findings[0].Account == "" || e.Findings[0].Text == "" {
		t.Errorf("no finding is at a rule: %+v", e.Findings)
	}
	for path, was := range g.kept() {
		if before[path] != was && filepath.Base(path) != "clock.json" { // what time it was
			t.Errorf("%s was written", path)
		}
	}
	if code := g.change(id, tightened(1)); code != "" {
		t.Fatal(code)
	}
	if got := g.look(id).Impact; !got.Equal(e.Impact) {
		t.Errorf("the request says %+v, the dry run %+v", got, e.Impact)
	}
}

func TestAForecastOfAVaultThatChangedSinceIsNotTaken(t *testing.T) {
	t.Parallel()
	g := lived(t)
	in := g.input(newRequestID(t))
	in.Intent = intenttest.Doc(tightened(1))
	f, err := g.service.foresee(t.Context(), in, tightened(1))
	if err != nil {
		t.Fatal(err)
	}
	made := func() error {
		if err := g.service.begin(); err != nil {
			return err
		}
		defer g.service.mu.Unlock()
		r, err := g.service.fresh(in, tightened(1))
		if err == nil {
			_, err = f.of(r, g.service.state.Governance)
		}
		return err
	}
	if err := made(); err != nil {
		t.Fatal(err)
	}
	g.changed(suppliers(), "mem_alice", "mem_bob")
	if err := made(); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("after another change: %v", err)
	}
}

// The signer takes its history from its own disk, which it verified when it began: what was
// changed there since does not become what people sign.
func TestAnImpactOfALogThatWasChangedOnDiskIsRefused(t *testing.T) {
	t.Parallel()
	g := lived(t)
	path := filepath.Join(g.dir, logfile.Name(0))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	for name, edit := range map[string]func(all []string){
		"a line in the place of another": func(all []string) { all[1] = all[2] },
		"another line":                   func(all []string) { all[3] = strings.Replace(all[3], ".", "A.", 1) },
		"another newest line":            func(all []string) { all[len(all)-2] = all[1] },
	} {
		all := slices.Clone(lines)
		edit(all)
		if err := os.WriteFile(path, []byte(strings.Join(all, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := g.change(newRequestID(t), tightened(1)); code != fault.LogCorrupt {
			t.Errorf("%s: %q", name, code)
		}
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := g.change(newRequestID(t), tightened(1)); code != "" {
		t.Errorf("as it was: %s", code)
	}
}

func TestWhatAnOpenChangeDoesIsComputedAgainWhenAnotherTakesEffect(t *testing.T) {
	t.Parallel()
	g := lived(t)
	id := g.changed(tightened(1), "mem_alice")
	before := g.look(id).Impact
	bob := mustConnect(t, g, "mem_bob")
	shown, ferr := bob.Statement(id, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	g.changed(suppliers(), "mem_alice", "mem_bob")
	if _, ferr := bob.Submit(bob.Sign(shown)); ferr == nil || ferr.Code != fault.StatementInvalid || ferr.Details["field"] != "impact" {
		t.Errorf("what was shown before the change: %v", ferr)
	}
	if shown, ferr = bob.Statement(id, statement.Approve); ferr != nil {
		t.Fatal(ferr)
	}
	a, err := statement.Decode[statement.Approval](shown)
	if err != nil || a.Impact.Log <= before.Log || a.Impact.Report == before.Report {
		t.Fatalf("%v: %+v, before %+v", err, a.Impact, before)
	}
	if err := g.service.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.restart()
	bob = mustConnect(t, g, "mem_bob")
	if _, _, ferr := bob.Decide(id, statement.Approve); ferr != nil {
		t.Fatal(ferr)
	}
	if r := g.look(id); r.State != "APPROVED" || !r.Impact.Equal(a.Impact) {
		t.Errorf("%s: %+v", r.State, r.Impact)
	}
	if r, code := g.impact(id); code != "" || r.Digest() != a.Impact.Report {
		t.Errorf("%s: %+v", code, r)
	}
	if r, said, err := Recompute(t.Context(), g.dir, g.signerFile(t), id, Stdio{Err: &bytes.Buffer{}}); err != nil || !said.Equal(a.Impact) || r.Digest() != said.Report {
		t.Errorf("from the log: %v, %+v", err, said)
	}
}

// Whoever stops a change need not wait for what it does now.
func TestAnOpenChangeIsRejectedWhateverItDoes(t *testing.T) {
	t.Parallel()
	g := lived(t)
	id := newRequestID(t)
	if code := g.change(id, tightened(1)); code != "" {
		t.Fatal(code)
	}
	bob := mustConnect(t, g, "mem_bob")
	shown, ferr := bob.Statement(id, statement.Reject)
	if ferr != nil {
		t.Fatal(ferr)
	}
	g.changed(suppliers(), "mem_alice", "mem_carol")
	if _, ferr := bob.Submit(bob.Sign(shown)); ferr != nil {
		t.Error(ferr)
	}
	if r := g.look(id); r.State != "REJECTED" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
}
