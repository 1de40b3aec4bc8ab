package signer

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	faults "countersign/softhsm/fault"
)

// TestAVaultHSMThatGoesAwayInTheMiddleDoesARequestOnceOrNotAtAll has the vault's HSM fail, or
// its module crash, before or after it did its work, in each call of a purchase and of a
// change. The signer starts again when the HSM is back, and who had no answer asks again.
func TestAVaultHSMThatGoesAwayInTheMiddleDoesARequestOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	f, v := faulty(t)
	g := newRigOn(t, twoOfThree(), v)
	gone := map[string]func(){}
	for name, one := range map[string]faults.Fault{
		"its module crashes before it signs":             faults.Crash("C_Sign"),
		"its module crashes once it has signed":          faults.Crash("C_Sign").Late(),
		"it does not sign":                               faults.Fail("C_Sign", 0x30),
		"it does not write the watermark":                faults.Fail("C_CreateObject", 0x30),
		"its module crashes once it wrote the watermark": faults.Crash("C_CreateObject").Late(),
		"its module crashes before it removes the older": faults.Crash("C_DestroyObject"),
		"its module crashes once it has made a key":      faults.Crash("C_GenerateKeyPair").Late(),
	} {
		gone[name] = func() { f.Set(one.Times(1)) }
	}
	const pulled = "it is pulled"
	gone[pulled] = f.Vanish
	version, failed, addresses := 0, 0, map[string]bool{}
	for name, strike := range gone {
		for at := range 3 {
			in := g.input(newRequestID(t))
			if at == 1 {
				list := suppliers()
				list.FromVersion = version
				in.Intent, version = intenttest.Doc(list), version+1
			}
			h := hit{g, fmt.Sprintf("%s, in call %d", name, at), func() { g.back(f.Set, f.Return, name == pulled) }}
			failed += h.course(in, at, strike)
			if want := map[string]int{signedlog.Request: 1, signedlog.Approval: 2, signedlog.Outcome: 1}; !maps.Equal(g.entriesOf(in.Request), want) {
				t.Errorf("%s: the log has %v", h.name, g.entriesOf(in.Request))
			}
			r := g.look(in.Request)
			if address := addressOf(r); r.State != "APPROVED" || addresses[address] {
				t.Errorf("%s: it is %s, to %q", h.name, r.State, address)
			} else if address != "" {
				addresses[address] = true
			}
		}
	}
	if n := len(g.service.state.Changes); n != version {
		t.Errorf("the vault changed %d times, want %d", n, version)
	}
	if _, now := g.service.state.Whitelist("wls_suppliers"); now != version {
		t.Errorf("the whitelist is at version %d, want %d", now, version)
	}
	if failed < 2*len(gone) {
		t.Errorf("the HSM made %d calls fail", failed)
	}
}

// back brings the HSM back, and starts the signer.
func (g *rig) back(set func(...faults.Fault), plugIn func(), pulled bool) {
	g.t.Helper()
	set()
	if pulled {
		plugIn()
	}
	if err := g.file.Close(); err != nil {
		g.t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for err := g.tryStart(); err != nil; err = g.tryStart() {
		if time.Now().After(deadline) {
			g.t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond) // its module is started again
	}
}

// hit is a course that the HSM fails in.
type hit struct {
	*rig
	name    string
	recover func()
}

// course takes a request to its approval. In one of its three calls the HSM is struck, and
// after it recovers, who called calls again. It returns how many calls failed.
func (h hit) course(in wire.SignerRequestInput, at int, strike func()) (failed int) {
	h.t.Helper()
	struck := func(call int, do func() fault.Code) {
		if call != at {
			return
		}
		strike()
		if do() != "" {
			failed++
		}
		h.recover()
	}
	ask := func() fault.Code { return h.call("POST", "/v1/requests", in, nil) }
	struck(0, ask)
	if code := ask(); code != "" {
		h.t.Fatalf("%s: asked again: %s", h.name, code)
	}
	for i, m := range []string{"mem_alice", "mem_bob"} {
		l := mustConnect(h.t, h.rig, m)
		data, ferr := l.Statement(in.Request, statement.Approve)
		if ferr != nil {
			h.t.Fatalf("%s: %v", h.name, ferr)
		}
		token := l.Sign(data)
		struck(i+1, func() fault.Code { _, ferr := l.Submit(token); return codeOf(ferr) })
		l = mustConnect(h.t, h.rig, m)
		if _, ferr := l.Submit(token); ferr != nil { // it is not known: once more
			if _, _, ferr = l.Decide(in.Request, statement.Approve); ferr != nil {
				h.t.Errorf("%s: %s approves again: %v", h.name, m, ferr)
			}
		}
	}
	return failed
}

func codeOf(ferr *fault.Error) fault.Code {
	if ferr == nil {
		return ""
	}
	return ferr.Code
}
