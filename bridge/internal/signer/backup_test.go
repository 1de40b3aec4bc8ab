package signer

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// cloned is a copy of a vault's token, as its maker's tools make one.
func cloned(v *membertest.Vault) *membertest.Vault {
	return &membertest.Vault{Keys: maps.Clone(v.Keys), Data: maps.Clone(v.Data)}
}

// backup copies the log of a rig, whose signer may run.
func (g *rig) backup(to string) {
	g.t.Helper()
	if err := Backup(g.t.Context(), Config{StateDir: g.dir}, to, g.signerFile(g.t), Stdio{Out: io.Discard, Err: io.Discard}); err != nil {
		g.t.Fatal(err)
	}
}

// restore puts a copy of the log in the place of the rig's; the token is that which is on.
func (g *rig) restore(from, signerFile, head string) (said string, err error) {
	g.t.Helper()
	var out bytes.Buffer
	err = RestoreWith(g.t.Context(), Config{StateDir: g.dir}, from, signerFile, head, Stdio{Out: &out, Err: io.Discard},
		func(context.Context, Config, *slog.Logger) (Vault, func() error, error) {
			return g.on, func() error { return nil }, nil
		})
	return out.String(), err
}

// lose deletes the state directory of a signer that was stopped.
func (g *rig) lose() {
	g.t.Helper()
	g.stop()
	if err := os.RemoveAll(g.dir); err != nil {
		g.t.Fatal(err)
	}
}

// files are the contents of the segments in a folder, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	segments, err := logfile.Segments(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, s := range segments {
		data, err := os.ReadFile(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(s.Path)] = string(data)
	}
	return all
}

func TestALogIsCopiedWhileTheSignerRunsAndRestoredAfterItWasLost(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	to := filepath.Join(t.TempDir(), "copy")
	g.backup(to)
	closed := filepath.Join(to, logfile.Name(0))
	was, err := os.Stat(closed)
	if err != nil {
		t.Fatal(err)
	}
	open := g.request(newRequestID(t))
	g.backup(to)
	if is, err := os.Stat(closed); err != nil || !is.ModTime().Equal(was.ModTime()) {
		t.Errorf("a segment that was closed was written again: %v", err)
	}
	signerFile, head, want := g.signerFile(t), g.service.Status().Log.Head, files(t, g.dir)
	g.lose()
	said, err := g.restore(to, signerFile, "")
	if err != nil || !strings.Contains(said, "ent_sandbox: the log in "+g.dir+" has 32 entries, and the vault's token agrees\nhead "+head) || strings.Contains(said, "LOST") {
		t.Fatalf("%v: %s", err, said)
	}
	if got := files(t, g.dir); !maps.Equal(got, want) {
		t.Error("the log is not what it was")
	}
	g.start()
	if r, _, ferr := mustConnect(t, g, "mem_alice").Decide(open.Request, statement.Initiate); ferr != nil || r.State != "PENDING_APPROVAL" {
		t.Errorf("what was open: %+v, %v", r, ferr)
	}
}

func TestWhatIsNotTheNewestLogOfTheVaultIsNotRestored(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	older, newest, forked := filepath.Join(t.TempDir(), "older"), filepath.Join(t.TempDir(), "newest"), t.TempDir()
	g.request(newRequestID(t))
	g.backup(older)
	fork := &rig{t: t, vault: cloned(g.vault), dir: forked, people: g.people, enrol: g.enrol, clock: g.clock, limits: g.limits}
	if fork.on = fork.vault; os.CopyFS(forked, os.DirFS(older)) != nil {
		t.Fatal("copy the log")
	}
	g.request(newRequestID(t))
	g.backup(newest)
	fork.start()
	fork.request(newRequestID(t))
	fork.stop()
	changed := filepath.Join(t.TempDir(), "changed")
	lines := g.lines()
	if err := os.Mkdir(changed, 0o700); err != nil {
		t.Fatal(err)
	}
	g.writeLog(t, Config{StateDir: changed}, []string{lines[0], lines[1], lines[2][:len(lines[2])-4] + "AAAA"})
	stranger := newRig(t, twoOfThree())
	signerFile, theirs := g.signerFile(t), stranger.signerFile(t)
	if _, err := g.restore(newest, signerFile, ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("while the signer runs: %v", err)
	}
	g.lose()
	for name, c := range map[string]struct {
		from, file, head string
		code             fault.Code
		says             string
	}{
		"an older copy":          {older, signerFile, "", fault.LogCorrupt, "the log has 2 entries, and the vault's token remembers 3: restore a newer copy"},
		"an older one, insisted": {older, signerFile, signedlog.Hash([]byte(lines[1])), fault.LogCorrupt, "restore a newer copy"},
		"a fork":                 {forked, signerFile, "", fault.LogCorrupt, "entry 2 is not the one that the vault's token remembers"},
		"one that was changed":   {changed, signerFile, "", fault.LogCorrupt, "entry 2"},
		"another vault's":        {stranger.dir, signerFile, "", fault.LogCorrupt, "entry 0"},
		"another vault's file":   {stranger.dir, theirs, "", fault.KeyUnsuited, "the keys of another vault"},
		"an empty folder":        {t.TempDir(), signerFile, "", fault.EntityUnknown, "the log is empty"},
	} {
		_, err := g.restore(c.from, c.file, c.head)
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if left := files(t, g.dir); len(left) != 0 {
			t.Errorf("%s left %d files", name, len(left))
		}
	}
	g.on = membertest.NewVault()
	if _, err := g.restore(newest, signerFile, ""); fault.CodeOf(err) != fault.KeyMissing {
		t.Errorf("a token without the vault's keys: %v", err)
	}
	g.on = &membertest.Vault{Keys: g.vault.Keys, Data: map[string][]byte{}}
	if _, err := g.restore(newest, signerFile, ""); fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "belongs to no log") {
		t.Errorf("a token that remembers nothing: %v", err)
	}
	g.on = g.vault
	g.dir = forked
	if _, err := g.restore(newest, signerFile, ""); fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "entries that the other log has not") {
		t.Errorf("over another log: %v", err)
	}
	g.dir = older
	if _, err := g.restore(newest, signerFile, ""); err != nil {
		t.Errorf("over the beginning of the same: %v", err)
	}
	g.start()
}

func TestAnOlderCopyOfTheTokenTakesTheLogAtTheWordOfItsHead(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	first := g.request(newRequestID(t))
	token := cloned(g.vault)
	var later []string // addresses
	for i := range 3 * signedlog.MaxBatch / 4 {
		r := g.request(newRequestID(t))
		later = append(later, intenttest.Buy(r.Intent).Address)
		approveRequest(t, g, r.Request)
		if i%20 == 19 {
			g.clock.add(time.Minute)
		}
	}
	signerFile, head := g.signerFile(t), g.service.Status().Log.Head
	g.stop()
	g.on = token
	if err := g.tryStart(); fault.CodeOf(err) != fault.LogCorrupt || !strings.Contains(err.Error(), "beyond what was acknowledged") {
		t.Fatalf("the signer starts: %v", err)
	}
	for given, says := range map[string]string{"": "the token is an older copy", signedlog.Hash(nil): "another head than --head says"} {
		if _, err := g.restore("", signerFile, given); fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), says) {
			t.Errorf("head %q: %v", given, err)
		}
	}
	said, err := g.restore("", signerFile, head)
	if err != nil || strings.Count(said, "LOST: ") != len(later) || strings.Contains(said, intenttest.Buy(first.Intent).Address) {
		t.Fatalf("%v: %s", err, said)
	}
	for _, address := range later {
		if !strings.Contains(said, "no key of "+address+" on eip155:31337") {
			t.Errorf("%s is not told of", address)
		}
	}
	g.start()
	r := g.request(newRequestID(t))
	for _, address := range append(later, intenttest.Buy(first.Intent).Address) {
		if intenttest.Buy(r.Intent).Address == address {
			t.Errorf("%s is given again", address)
		}
	}
	g.restart()
}

func TestACopyOfTheTokenThatIsAFewEntriesBehindIsToldThatItCannotTell(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	token := cloned(g.vault)
	g.request(newRequestID(t))
	signerFile, head := g.signerFile(t), g.service.Status().Log.Head
	g.stop()
	g.on = token
	said, err := g.restore("", signerFile, "")
	if err != nil || !strings.Contains(said, "If the token is an older copy, it cannot tell whether the log ends there") || !strings.Contains(said, "head "+head) {
		t.Errorf("%v: %s", err, said)
	}
	if said, err := g.restore("", signerFile, head); err != nil || strings.Contains(said, "cannot tell") {
		t.Errorf("with the head: %v: %s", err, said)
	}
}

// The vault moves with its token: what the old token then signs is not the vault's log.
func TestAVaultThatMovedToAnotherTokenGoesOnThereAndTheOldOneIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	open := g.request(newRequestID(t))
	g.stop()
	old := &rig{t: t, vault: g.vault, on: g.vault, dir: t.TempDir(), people: g.people, enrol: g.enrol, clock: g.clock, limits: g.limits}
	if err := os.CopyFS(old.dir, os.DirFS(g.dir)); err != nil {
		t.Fatal(err)
	}
	g.on = cloned(g.vault)
	g.start()
	for range signedlog.MaxBatch / 4 {
		approveRequest(t, g, g.request(newRequestID(t)).Request)
		g.clock.add(10 * time.Second)
	}
	approveRequest(t, g, open.Request)
	signerFile := g.signerFile(t)
	g.stop()
	if err := os.CopyFS(filepath.Join(old.dir, "new"), os.DirFS(g.dir)); err != nil {
		t.Fatal(err)
	}
	kept := old.dir
	old.dir = filepath.Join(kept, "new")
	if err := old.tryStart(); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("the old token with the log of the new one: %v", err)
	}
	old.dir = kept
	old.start() // with its own log, which nothing at that computer contradicts
	old.request(newRequestID(t))
	old.stop()
	if err := os.RemoveAll(g.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := g.restore(old.dir, signerFile, ""); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("the new token takes the log of the old one: %v", err)
	}
}
