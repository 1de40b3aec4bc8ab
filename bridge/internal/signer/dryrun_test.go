package signer

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// dry asks for a request without making it.
func (g *rig) dry(in wire.SignerRequestInput, says string) (e wire.Explanation, code fault.Code) {
	g.t.Helper()
	body, err := strictjson.Canonical(in)
	if err != nil {
		g.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(g.t.Context(), "POST", "/v1/requests", bytes.NewReader(body))
	r.Header.Set(wire.HeaderDryRun, says)
	w := httptest.NewRecorder()
	g.service.Handler().ServeHTTP(w, r)
	return e, membertest.Answer(g.t, w.Code, w.Body.Bytes(), &e)
}

// kept is every file of the signer, with its contents.
func (g *rig) kept() map[string]string {
	g.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(g.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

func TestADryRunSaysWhatTheRulesSayAndDoesNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	g.request(testReq)
	before, keys, mark := g.kept(), len(g.vault.Keys), g.service.log.Mark()
	for range mostPerMinute + 1 { // it counts towards no limit
		e, code := g.dry(g.input(secondReq), "true")
		if code != "" || e.Decision.State != governance.Pending || e.Decision.Rule != "purchases" || len(e.Remaining) != 1 || len(e.Remaining[0].Quorums[0].Members) != 3 {
			t.Fatalf("%q: %+v", code, e)
		}
		if w := e.Windows[0]; w.Spent != "250" || w.Left != "350" {
			t.Fatalf("the window: %+v", w)
		}
	}
	after := g.kept()
	for path := range before {
		if before[path] != after[path] {
			t.Errorf("%s was written", path)
		}
	}
	if len(after) != len(before) || len(g.vault.Keys) != keys || g.service.log.Mark() != mark {
		t.Errorf("%d files, %d keys and log %+v; before %d, %d, %+v", len(after), len(g.vault.Keys), g.service.log.Mark(), len(before), keys, mark)
	}
	g.request(secondReq) // what was dry counts as spent nowhere, and its id is free
}

func TestADryRunOfWhatIsDeniedIsAnAnswerAndARefusalIsNone(t *testing.T) {
	t.Parallel()
	g := newRig(t, slowly())
	g.request(testReq)
	g.request(secondReq)
	e, code := g.dry(g.input(thirdReq), "true")
	if code != "" || e.Decision.State != governance.Denied || e.Rules[0].Result != governance.Unmet || e.Rules[0].Unmet.Velocity == nil {
		t.Errorf("750 of 600 EUR: %q, %+v", code, e)
	}
	for _, says := range []string{"false", "1", "TRUE", ""} {
		if _, code := g.dry(g.input(thirdReq), says); code != fault.Invalid {
			t.Errorf("Dry-Run: %q: %q", says, code)
		}
	}
	late := g.input(thirdReq)
	late.ExpiresAt = g.clock.now().Add(-time.Hour)
	if _, code := g.dry(late, "true"); code != fault.Invalid {
		t.Errorf("one that has ended: %q", code)
	}
}
