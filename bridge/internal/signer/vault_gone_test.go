package signer

import (
	"maps"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// TestAVaultHSMThatGoesAwayInTheMiddleDoesARequestOnceOrNotAtAll has the vault's HSM fail, or
// its module crash, before or after it did its work, in each call of a purchase and of a
// change. The signer starts again when the HSM is back, and who had no answer asks again.
func TestAVaultHSMThatGoesAwayInTheMiddleDoesARequestOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	set := func(one faults.Fault) func(*softhsm.Faulty) (recovers func()) {
		return func(f *softhsm.Faulty) func() { f.Set(one.Times(1)); return func() { f.Set() } }
	}
	for name, strike := range map[string]func(*softhsm.Faulty) (recovers func()){
		"its module crashes before it signs":             set(faults.Crash("C_Sign")),
		"its module crashes once it has signed":          set(faults.Crash("C_Sign").Late()),
		"it does not sign":                               set(faults.Fail("C_Sign", 0x30)),
		"it does not write the watermark":                set(faults.Fail("C_CreateObject", 0x30)),
		"its module crashes once it wrote the watermark": set(faults.Crash("C_CreateObject").Late()),
		"its module crashes before it removes the older": set(faults.Crash("C_DestroyObject")),
		"it is pulled": func(f *softhsm.Faulty) func() { f.Vanish(); return f.Return },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, v := faulty(t)
			g := newRigOn(t, twoOfThree(), v)
			addresses := map[string]bool{}
			for at := range 3 {
				in := g.input(newRequestID(t))
				if at == 1 {
					in.Intent = intenttest.Doc(suppliers())
				}
				g.struck(in, at, func() func() { return strike(f) })
				if want := map[string]int{signedlog.Request: 1, signedlog.Approval: 2, signedlog.Outcome: 1}; !maps.Equal(g.entriesOf(in.Request), want) {
					t.Errorf("in call %d: the log has %v", at, g.entriesOf(in.Request))
				}
				r := g.look(in.Request)
				if address := addressOf(r); r.State != "APPROVED" || addresses[address] {
					t.Errorf("in call %d: it is %s, to %q", at, r.State, address)
				} else {
					addresses[address] = true
				}
			}
			if _, now := g.service.state.Whitelist("wls_suppliers"); now != 1 || len(g.service.state.Changes) != 1 {
				t.Errorf("the whitelist is at version %d, after %d changes", now, len(g.service.state.Changes))
			}
		})
	}
}

// struck takes a request to its approval. In one of its three calls the HSM is struck, which
// fails; when it is back the signer starts again, and who called calls again.
func (g *rig) struck(in wire.SignerRequestInput, at int, strike func() (recovers func())) {
	g.t.Helper()
	call := func(n int, do func() fault.Code) {
		g.t.Helper()
		if n != at {
			return
		}
		recovers := strike()
		if do() == "" {
			g.t.Errorf("call %d went well", n)
		}
		recovers()
		g.back()
	}
	ask := func() fault.Code { return g.call("POST", "/v1/requests", in, nil) }
	call(0, ask)
	if code := ask(); code != "" {
		g.t.Fatalf("asked again: %s", code)
	}
	for i, m := range []string{"mem_alice", "mem_bob"} {
		l := mustConnect(g.t, g, m)
		data, ferr := l.Statement(in.Request, statement.Approve)
		if ferr != nil {
			g.t.Fatal(ferr)
		}
		token := l.Sign(data)
		call(i+1, func() fault.Code { _, ferr := l.Submit(token); return codeOf(ferr) })
		l = mustConnect(g.t, g, m)
		if _, ferr := l.Submit(token); ferr != nil { // it is not known: once more
			if _, _, ferr = l.Decide(in.Request, statement.Approve); ferr != nil {
				g.t.Errorf("%s approves again: %v", m, ferr)
			}
		}
	}
}

// back starts the signer when its HSM is back.
func (g *rig) back() {
	g.t.Helper()
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

func codeOf(ferr *fault.Error) fault.Code {
	if ferr == nil {
		return ""
	}
	return ferr.Code
}
