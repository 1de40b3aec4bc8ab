package signer

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
)

// TestALogThatPinsOtherRulesStopsTheSigner has the vault's own key sign an entry whose
// pin does not fit the rules: the digest is of other rules than the vault has.
func TestALogThatPinsOtherRulesStopsTheSigner(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	b := g.service.state.Request(testReq).RequestBody
	b.Request = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	b.GovernedBy.Digest = strings.Repeat("A", 43)
	g.log(signedlog.Request, b)
	if err := g.file.Close(); err != nil {
		t.Fatal(err)
	}
	err := g.tryStart()
	if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "2" || !strings.Contains(err.Error(), "another digest") {
		t.Errorf("the signer said %v", err)
	}
}
