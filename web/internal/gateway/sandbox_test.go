package gateway_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	. "countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// sandboxFor asks for a sandbox of a client's, after the pause that its budget wants.
func (w followed) sandboxFor(name, client string) (wire.SandboxData, error) {
	w.Pass(time.Minute / gateway.SandboxesMade)
	v, err := w.Gateway.Sandbox(w.T.Context(), wire.SandboxInput{Name: name, DeveloperID: "d"}, client, "")
	return v.Data, err
}

// fill puts n sandboxes of other clients into the database; what is named in change is
// otherwise.
func (w followed) fill(n int, change func(*store.Developer)) {
	w.T.Helper()
	err := w.Store.Write(w.T.Context(), func(tx store.Tx) error {
		for i := range n {
			d := store.Developer{ID: fmt.Sprintf("dev_%d", i), MadeBy: store.BySandbox, Client: [32]byte{1, byte(i)}, Expires: w.Now().Add(24 * time.Hour)}
			change(&d)
			if err := tx.PutDeveloper(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

// kept counts the sandboxes.
func (w followed) kept() (n int) {
	w.T.Helper()
	err := w.Store.Read(w.T.Context(), func(tx store.Tx) error {
		all, err := tx.Developers()
		for _, d := range all {
			if d.MadeBy == store.BySandbox {
				n++
			}
		}
		return err
	})
	if err != nil {
		w.T.Fatal(err)
	}
	return n
}

func TestOneClientsSandboxesPushOutItsOwnAlone(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	theirs := must[wire.SandboxData](t)(w.sandboxFor("theirs", "192.0.2.1"))
	var mine []wire.SandboxData
	for i := range gateway.SandboxesHeld + 5 {
		mine = append(mine, must[wire.SandboxData](t)(w.sandboxFor(fmt.Sprint("mine ", i), "192.0.2.2")))
	}
	if !w.lets(theirs.Token, theirs.Entity.ID) {
		t.Error("another client's sandbox was removed")
	}
	for i, s := range mine {
		if works := w.lets(s.Token, s.Entity.ID); works != (i >= 5) {
			t.Errorf("the client's sandbox %d works: %v", i, works)
		}
	}
	if n := w.kept(); n != gateway.SandboxesHeld+1 {
		t.Errorf("%d are kept", n)
	}
}

func TestASandboxThatIsFullOfOthersRefusesOneMore(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	mine := must[wire.SandboxData](t)(w.sandboxFor("mine", "192.0.2.1"))
	w.fill(gateway.SandboxesKept-1, func(*store.Developer) {})
	_, err := w.sandboxFor("stranger", "192.0.2.2")
	f, ok := fault.As(err)
	if !ok {
		t.Fatalf("full of others': %v", err)
	}
	if wait, werr := strconv.Atoi(f.Details["retry_after"]); f.Code != fault.Limited || werr != nil || wait < 23*3600 || wait > 24*3600 {
		t.Errorf("full: %v", err)
	}
	next := must[wire.SandboxData](t)(w.sandboxFor("next", "192.0.2.1"))
	if w.lets(mine.Token, mine.Entity.ID) || !w.lets(next.Token, next.Entity.ID) || w.kept() != gateway.SandboxesKept {
		t.Errorf("the client's own oldest makes room; %d are kept", w.kept())
	}
	again := must[wire.SandboxData](t)(w.sandboxFor("mine", "192.0.2.1"))
	if w.lets(mine.Token, again.Entity.ID) {
		t.Error("a token of the removed developer works for the new one of its name")
	}
	w.Pass(24 * time.Hour)
	if _, err := w.sandboxFor("stranger", "192.0.2.2"); err != nil || w.kept() != 2 {
		t.Errorf("after their time: %v, %d are kept", err, w.kept())
	}
}

// Those of a version whose sandboxes had no end would keep a full one closed for good.
func TestASandboxWithoutAnEndMakesRoom(t *testing.T) {
	t.Parallel()
	w := followed{New(t)}
	w.fill(gateway.SandboxesKept, func(d *store.Developer) {
		if d.ID == "dev_7" {
			d.Client, d.Expires = [32]byte{}, time.Time{}
		}
	})
	must[wire.SandboxData](t)(w.sandboxFor("new", "192.0.2.2"))
	_, err := w.sandboxFor("another", "192.0.2.3")
	Refused(t, err, fault.Limited)
}
