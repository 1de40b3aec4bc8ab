package approvals

import (
	"errors"
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestEveryCodeHasASentenceAndAWayOut(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		p := Explain(fault.New(code, "something happened"))
		if p.Title == "" || p.Safe == "" || p.Do == "" || p.Code != code {
			t.Errorf("%s: %+v", code, p)
		}
		for _, s := range []string{p.Title, p.Do} {
			if !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is not a sentence", code, s)
			}
		}
	}
}

func titles(f Flow) string {
	var out []string
	for _, s := range f.Steps() {
		out = append(out, s.Title+" "+[]string{"waiting", "current", "done", "failed"}[s.Status])
	}
	return strings.Join(out, ", ")
}

func TestTheStepsFollowTheFlow(t *testing.T) {
	t.Parallel()
	known := Flow{Decision: "APPROVE", Paired: true, Needed: 2}
	for _, tt := range []struct {
		name string
		flow Flow
		want string
	}{
		{"first time", Flow{}, "Connect current, Pair waiting, Read on the bridge waiting, PIN waiting, Signed waiting, Verified by the signer waiting"},
		{"comparing the code", Flow{}.Advance(Pair), "Connect done, Pair current, Read on the bridge waiting, PIN waiting, Signed waiting, Verified by the signer waiting"},
		{"a known bridge", known.Prompt("confirm", "pinentry"), "Connect done, Read on the bridge current, PIN waiting, Signed waiting, Verified by the signer waiting"},
		{"PIN", known.Prompt("pin", "terminal"), "Connect done, Read on the bridge done, PIN current, Signed waiting, Verified by the signer waiting"},
		{"an unlocked device needs no PIN", known.Advance(Signed), "Connect done, Read on the bridge done, Signed current, Verified by the signer waiting"},
		{"done", known.Advance(Verified), "Connect done, Read on the bridge done, Signed done, Verified by the signer done"},
		{"declined", known.Advance(Read).Fail(fault.New(fault.Declined, "no")), "Connect done, Read on the bridge failed, PIN waiting, Signed waiting, Verified by the signer waiting"},
		{"wrong PIN", known.Advance(Read).Fail(fault.New(fault.PINIncorrect, "no")), "Connect done, Read on the bridge done, PIN failed, Signed waiting, Verified by the signer waiting"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := titles(tt.flow); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAFlowNeverGoesBack(t *testing.T) {
	t.Parallel()
	if f := (Flow{}).Advance(Signed).Prompt("confirm", "pinentry"); f.Stage != Signed {
		t.Errorf("a late prompt moved the flow to %d", f.Stage)
	}
}

func TestOneCancelsOnlyBeforeTheSignature(t *testing.T) {
	t.Parallel()
	for stage, want := range map[Stage]bool{Connect: true, Read: true, PIN: true, Signed: false, Verified: false} {
		if got := (Flow{Stage: stage}).CanCancel(); got != want {
			t.Errorf("stage %d: %v", stage, got)
		}
	}
	if (Flow{Stage: Read, Stopping: true}).CanCancel() || (Flow{}).Fail(errors.New("x")).CanCancel() {
		t.Error("cancelled twice, or after the end")
	}
}
