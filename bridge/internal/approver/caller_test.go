package approver

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/peer"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/statement"
)

// by gives a rig's pages a program.
func by(p peer.Process, err error) func(*rig) {
	return func(g *rig) {
		g.program = func(local, remote netip.AddrPort) (peer.Process, error) {
			if !local.IsValid() || !remote.IsValid() || local == remote {
				g.t.Errorf("asked for %s to %s", local, remote)
			}
			return p, err
		}
	}
}

func TestAProgramOfAnotherUserIsRefusedUnheard(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]func(*rig){
		"another user":            by(peer.Process{UID: os.Getuid() + 1, PID: 7, Path: "/usr/bin/evil"}, nil),
		"nobody knows whose":      by(peer.Unknown(), nil),
		"the connection is none":  by(peer.Unknown(), errors.New("no program holds the connection")),
		"a user without a name":   by(peer.Process{UID: os.Getuid() + 1}, nil),
		"another, with a warning": by(peer.Process{UID: os.Getuid() + 1, Path: "/tmp/x", Warning: "odd"}, nil),
	} {
		g := newRig(t, option)
		for range 3 {
			if _, why, ok := g.raw(t).next(); ok || why != fault.OriginRefused {
				t.Errorf("%s: closed with %q", name, why)
			}
		}
		if shown, _ := g.person.questions(); len(shown) != 0 {
			t.Errorf("%s: asked %q", name, shown)
		}
		g.stop()
		if lines, events := g.count(journal.Refused); lines != 2 || events != 3 {
			t.Errorf("%s: %d lines for %d refusals", name, lines, events)
		}
		if e := g.entries()[1]; e.Code != string(fault.OriginRefused) || e.Origin != origin || e.Process == "" {
			t.Errorf("%s: journal %+v", name, e)
		}
	}
}

func TestThePairingPromptShowsTheProgramAndWhatIsUnusualAboutIt(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 11, 20, 9, 30, 0, 0, time.Local)
	me := os.Getuid()
	for name, r := range map[string]struct {
		option func(*rig)
		shows  []string
		hides  string
	}{
		"a browser": {by(peer.Process{UID: me, PID: 4711, Path: "/usr/lib/firefox/firefox", Started: started}, nil),
			[]string{"Its program:  /usr/lib/firefox/firefox\n", "process 4711, started 2026-11-20 09:30:00\n"}, "CAUTION"},
		"in an unusual place": {by(peer.Process{UID: me, PID: 4711, Path: "/tmp/firefox", Warning: "it is in a folder where any user may put programs: /tmp"}, nil),
			[]string{"Its program:  /tmp/firefox\n", "CAUTION:      it is in a folder where any user may put programs: /tmp\n"}, "started"},
		"with a name that writes on the prompt": {by(peer.Process{UID: me, PID: 4711, Path: "/home/a/x\x1b[2J\u202e"}, nil),
			[]string{"Its program:  /home/a/x\uFFFD[2J\uFFFD\n"}, "\x1b"},
		"a sandboxed browser":      {by(peer.Process{UID: me}, nil), []string{"Its program:  unknown (it runs as you, and hides its name"}, "CAUTION"},
		"another operating system": {by(peer.Unknown(), peer.ErrUnsupported), []string{"Its program:  unknown"}, "CAUTION"},
	} {
		g := newRig(t, r.option)
		g.mustConnect()
		shown, _ := g.person.questions()
		for _, want := range r.shows {
			if len(shown) != 1 || !strings.Contains(shown[0].Text, want) {
				t.Errorf("%s: %q is not in %q", name, want, shown)
			}
		}
		if strings.Contains(shown[0].Text, r.hides) {
			t.Errorf("%s: %q is in %q", name, r.hides, shown[0].Text)
		}
	}
}

func TestTheNameOfAProgramMakesNoLineOfThePrompt(t *testing.T) {
	t.Parallel()
	g := newRig(t, by(peer.Process{UID: os.Getuid(), PID: 4711, Path: "/tmp/x\nIts code:  111 111\n\nApprove this.", Warning: "odd\nIts code:  111 111"}, nil))
	g.mustConnect()
	shown, _ := g.person.questions()
	if n := strings.Count(shown[0].Text, "\nIts code:"); n != 1 || strings.Contains(shown[0].Text, "\nApprove this.") {
		t.Errorf("%d codes in\n%s", n, shown[0].Text)
	}
}

func TestEveryDecisionIsJournaledWithWhoAskedThroughWhatForWhichKey(t *testing.T) {
	t.Parallel()
	g := newRig(t, by(peer.Process{UID: os.Getuid(), PID: 4711, Path: "/usr/lib/firefox/firefox"}, nil))
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	g.person.answer(decline)
	_, err := l.decide(t.Context(), "req_0002", statement.Reject)
	wantCode(t, "declined", err, fault.Declined)
	g.person.answer(nil)
	g.vault.serve = func(a *statement.Approval) { a.Entity = "ent_another" }
	_, err = l.decide(t.Context(), "req_0003", statement.Approve)
	wantCode(t, "another's statement", err, fault.StatementInvalid)

	alice := g.vault.members["mem_alice"]
	list, err := site.OpenPairings(g.cfg.StateDir).List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	type line struct{ kind, key, request, decision, code string }
	var got []line
	for _, e := range g.entries()[1:] {
		got = append(got, line{e.Kind, e.Key, e.Request, e.Decision, e.Code})
		if e.Origin != origin || e.Pairing != list[0].ID || e.Process != "/usr/lib/firefox/firefox (pid 4711)" || e.Time == "" {
			t.Errorf("%+v", e)
		}
		if aboutKey := e.Kind != journal.Paired; aboutKey && (e.Entity != entity || e.Member != "mem_alice" || e.Device != "alice") {
			t.Errorf("%+v", e)
		}
		if (e.Amount != "" && e.Asset != "" && e.Price != "" && e.Counterparty != "" && e.Address != "") != (e.Request != "") {
			t.Errorf("what it was about: %+v", e)
		}
		if statement.TypApproval != e.Statement != (e.Request == "") || (len(e.Digest) == 64) != (e.Request != "") {
			t.Errorf("%+v", e)
		}
	}
	approval, channel := alice.approval.PublicKey().Thumbprint(), alice.channel.PublicKey().Thumbprint()
	want := []line{
		{kind: journal.Paired}, {kind: journal.Derived, key: channel}, {kind: journal.Unlocked, key: channel},
		{journal.Approved, approval, "req_0001", "APPROVE", ""}, {journal.Signed, approval, "req_0001", "APPROVE", ""},
		{journal.Declined, approval, "req_0002", "REJECT", "DECLINED"}, {journal.Refused, "", "req_0003", "APPROVE", "STATEMENT_INVALID"},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("line %d of %d: %+v, want %+v", i, len(got), got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
}
