package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

func TestTheHistoryOfALogIsWhatItsRequestsCameTo(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	var want []string
	for i := range 3 {
		r := g.request(newRequestID(t))
		switch i {
		case 0:
			want = append(want, r.Request+" "+string(governance.Pending))
		case 1:
			approveRequest(t, g, r.Request)
			want = append(want, r.Request+" "+string(governance.Approved))
		case 2:
			if _, _, err := mustConnect(t, g, "mem_bob").Decide(r.Request, statement.Reject); err != nil {
				t.Fatal(err)
			}
			want = append(want, r.Request+" "+string(governance.Rejected))
		}
		g.clock.add(time.Minute)
	}
	cfg, signerFile := g.written(t)
	for _, file := range []string{signerFile, ""} {
		var mark signedlog.Mark
		var got []string
		for p, err := range History(t.Context(), cfg.StateDir, file, &mark, Stdio{Err: &bytes.Buffer{}}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.Request+" "+string(p.State))
			if p.Needed != 2 || p.Rule == "" || p.Facts.Account == "" || p.State == governance.Approved != (len(p.Approvals) == 2) || p.State == governance.Approved == p.Approved.IsZero() {
				t.Errorf("%+v", p)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if m := g.service.log.Mark(); mark.Size != m.Size || mark.Head != m.Head {
			t.Errorf("%+v, want %+v", mark, m)
		}
	}
}

func TestWhatGovernsAVaultNowIsReadFromItsLog(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.changed(creates("acc_trading", "Trading"), "mem_alice", "mem_bob")
	want := g.draft(twoOfThree())
	want.Accounts = append(want.Accounts, DraftAccount{Account: "acc_trading", Name: "Trading", Chain: "eip155:31337", Parent: treasury, Rules: twoOfThree()})
	rehearsed := want.vault()
	for i, a := range rehearsed.Accounts {
		now, _ := g.service.state.Account(a.Account)
		rehearsed.Accounts[i].Address = now.Address
	}
	cfg, signerFile := g.written(t)
	v, err := Now(t.Context(), cfg.StateDir, signerFile, Stdio{Err: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Check(); err != nil || v.Digest() != rehearsed.Digest() {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAHistoryOfALogThatWasChangedIsNone(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	approveRequest(t, g, g.request(newRequestID(t)).Request)
	cfg, _ := g.written(t)
	path := filepath.Join(cfg.StateDir, logfile.Name(0))
	lines := g.lines()
	if err := os.WriteFile(path, []byte(strings.Join(slices.Delete(lines, 2, 3), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	last := error(nil)
	for _, err := range History(t.Context(), cfg.StateDir, "", &signedlog.Mark{}, Stdio{Err: &bytes.Buffer{}}) {
		last = err
	}
	if fault.CodeOf(last) != fault.LogCorrupt {
		t.Error(last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range History(ctx, cfg.StateDir, "", &signedlog.Mark{}, Stdio{Err: &bytes.Buffer{}}) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Error(last)
	}
}

func TestADraftIsRehearsedBeforeItIsAVault(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	data, err := json.MarshalIndent(g.draft(twoOfThree()), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "draft.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := ReadVault(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(rehearsal.Rehearse(v), func(f rehearsal.Finding) bool { return f.Code == rehearsal.MovesTogether && len(f.Together) == 3 }) {
		t.Errorf("two of three: %v", rehearsal.Rehearse(v))
	}
}
