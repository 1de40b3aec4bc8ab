package unlock

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

func TestMain(m *testing.M) {
	if device.Child() { // a test binary runs the modules that it opens, too
		return
	}
	os.Exit(m.Run())
}

// program is an asker that is not a page.
type program struct {
	who     Who
	gone    bool
	prompts []Prompt
	shown   []string
}

func (p *program) Who() Who { return p.who }

func (p *program) Permitted() error {
	if p.gone {
		return fault.New(fault.NotPaired, "the program is gone")
	}
	return nil
}

func (p *program) Prompt(ctx context.Context, about Prompt, ask func(context.Context, consent.Opened) error) error {
	p.prompts = append(p.prompts, about)
	return ask(ctx, func() func(error) { return func(error) {} })
}

func (p *program) Shown(approval, text string) { p.shown = append(p.shown, approval+": "+text) }

// person types a PIN, and says yes to everything.
type person struct {
	pin   string
	asked []string
}

func (p *person) Where() string { return consent.AtTerminal }

func (p *person) Check(context.Context) error { return nil }

func (p *person) Confirm(_ context.Context, q consent.Question) error {
	p.asked = append(p.asked, q.Site+": "+q.Title)
	return nil
}

func (p *person) PIN(_ context.Context, q consent.PINQuestion) ([]byte, error) {
	p.asked = append(p.asked, q.Site+": PIN of "+q.Device)
	return []byte(p.pin), nil
}

func (p *person) Show(ctx context.Context, _ consent.Notice) error {
	<-ctx.Done()
	return fault.New(fault.Cancelled, "closed")
}

// kept is a keeper of one token in SoftHSM with the keys of one member.
type kept struct {
	*Keeper
	person *person
	alice  *member.Identity
	path   string // of the journal
	ahead  time.Duration
}

func keep(t *testing.T) *kept {
	t.Helper()
	token := softhsm.New(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
		{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
	devices, closeDevices, err := OpenDevices(device.Config{Modules: device.Modules(token.Module)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeDevices(); err != nil {
			t.Error(err)
		}
	})
	k := &kept{person: &person{pin: token.PIN}, path: filepath.Join(t.TempDir(), "journal.log"),
		alice: &member.Identity{Config: member.Config{Entity: "ent_test", Member: "mem_alice", ApprovalKey: "pkcs11:token=alice;object=approval",
			ChannelKey: "pkcs11:token=alice;object=channel"}, Name: "Alice", ChannelIn: statement.InToken, Expires: time.Now().AddDate(1, 0, 0)}}
	for uri, public := range map[string]*jws.PublicKey{k.alice.ApprovalKey: &k.alice.Approval, k.alice.ChannelKey: &k.alice.Channel} {
		key, err := devices.Key(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		*public = key.PublicKey()
	}
	book, err := journal.Open(journal.Config{Path: k.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	k.Keeper = New(Config{Tokens: devices, Locks: devices, Prompts: consent.NewQueue(k.person, 0), Journal: book,
		Now: func() time.Time { return time.Now().Add(k.ahead) }, Log: slog.New(slog.DiscardHandler), IdleLock: 10 * time.Minute})
	return k
}

// use has a program sign with alice's approval key.
func (k *kept) use(t *testing.T, u *User) error {
	t.Helper()
	key := u.Key(k.alice, k.alice.ApprovalSigner(), "signs a test.", "apv_1")
	if err := key.Open(t.Context()); err != nil {
		return err
	}
	digest := sha256.Sum256([]byte("test"))
	_, err := key.SignDigest(t.Context(), digest[:])
	return err
}

func TestAProgramUsesAKeyAfterItsPINAndAnotherProgramAfterItsOwnYes(t *testing.T) {
	k := keep(t)
	first := &program{who: Who{Origin: "first", Site: "first", Pairing: "1", Process: "a program"}}
	u := k.User(first)
	for range 2 {
		if err := k.use(t, u); err != nil {
			t.Fatal(err)
		}
	}
	if want := []Prompt{{Approval: "apv_1", PIN: true}}; !slices.Equal(first.prompts, want) {
		t.Errorf("prompts %+v", first.prompts)
	}
	second := &program{who: Who{Origin: "second", Site: "second", Pairing: "2"}}
	if err := k.use(t, k.User(second)); err != nil {
		t.Fatal(err)
	}
	u.Disallow()
	if err := k.use(t, u); err != nil {
		t.Fatal(err)
	}
	k.ahead = 11 * time.Minute
	if err := k.use(t, u); err != nil {
		t.Fatal(err)
	}
	want := []string{"first: PIN of alice", "second: Use alice", "first: Use alice", "first: PIN of alice"}
	if !slices.Equal(k.person.asked, want) {
		t.Errorf("asked %q, want %q", k.person.asked, want)
	}
	first.gone = true
	if err := k.use(t, u); fault.CodeOf(err) != fault.NotPaired {
		t.Errorf("a program that is gone: %v", err)
	}
	lines, err := os.ReadFile(k.path)
	if err != nil || strings.Count(string(lines), `"process":"a program"`) != 3 || strings.Contains(string(lines), k.person.pin) {
		t.Errorf("%v, journal %s", err, lines)
	}
}

func TestAQuestionIsToldToItsAskerAsThePersonReadsIt(t *testing.T) {
	k := keep(t)
	asker := &program{who: Who{Site: "first", Pairing: "1"}}
	key := k.User(asker).Key(k.alice, k.alice.ApprovalSigner(), "signs a test.", "apv_1")
	if err := key.Confirm(t.Context(), consent.Question{Title: "Approve a test", Text: "what it is\n"}); err != nil {
		t.Fatal(err)
	}
	if len(asker.shown) != 1 || !strings.HasPrefix(asker.shown[0], "apv_1: ") || !strings.Contains(asker.shown[0], "what it is") {
		t.Errorf("told %q", asker.shown)
	}
}

func TestOneAskerAtATimeHoldsATokenUntilItLeavesOrIsIdle(t *testing.T) {
	k := keep(t)
	first, second := k.User(&program{who: Who{Origin: "first"}}), k.User(&program{who: Who{Origin: "second"}})
	hold := func(u *User) error {
		done, err := u.Hold(k.alice)
		if err == nil {
			done()
		}
		return err
	}
	busy := func(when string) {
		t.Helper()
		err := hold(second)
		f, _ := fault.As(err)
		if f == nil || f.Code != fault.DeviceInUse || f.Details["holder"] != "first" {
			t.Errorf("%s: %v", when, err)
		}
	}
	free := func(when string) {
		t.Helper()
		if err := hold(second); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	done, err := first.Hold(k.alice)
	if err != nil {
		t.Fatal(err)
	}
	busy("in use")
	if holder := second.Token(t.Context(), k.alice).Holder; holder != "first" {
		t.Errorf("the holder is %q", holder)
	}
	release := first.Keep(k.alice)
	done()
	busy("kept")
	release()
	free("released")
	if done, err = first.Hold(k.alice); err != nil {
		t.Fatal(err)
	}
	first.Keep(k.alice)
	done()
	k.ahead = LeaseIdle
	free("kept and idle")
	k.ahead = 0
	first.Leave()
	free("left")
	k.alice.Expires = time.Now().Add(-time.Minute)
	if err := hold(first); fault.CodeOf(err) != fault.CertificateBad {
		t.Errorf("with a certificate that expired: %v", err)
	}
}
