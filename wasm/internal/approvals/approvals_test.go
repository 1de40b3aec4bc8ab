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
		{"first time", Flow{}, "Connect current, Pair waiting, PIN waiting, Read on the bridge waiting, Signed waiting, Verified by the signer waiting"},
		{"comparing the code", Flow{}.Advance(Pair), "Connect done, Pair current, PIN waiting, Read on the bridge waiting, Signed waiting, Verified by the signer waiting"},
		{"paired just now", Flow{Paired: true, Code: "123456"}.Advance(Channel), "Connect done, Pair done, PIN current, Read on the bridge waiting, Signed waiting, Verified by the signer waiting"},
		{"PIN", known.Prompt("pin", "terminal"), "Connect done, PIN current, Read on the bridge waiting, Signed waiting, Verified by the signer waiting"},
		{"reading", known.Prompt("pin", "terminal").PromptClosed().Prompt("confirm", "pinentry"), "Connect done, PIN done, Read on the bridge current, Signed waiting, Verified by the signer waiting"},
		{"PIN again", known.Prompt("confirm", "pinentry").PromptClosed().Prompt("pin", "pinentry"), "Connect done, PIN current, Read on the bridge done, Signed waiting, Verified by the signer waiting"},
		{"an unlocked device needs no PIN", known.Advance(Signed), "Connect done, PIN done, Read on the bridge done, Signed current, Verified by the signer waiting"},
		{"done", known.Advance(Verified), "Connect done, PIN done, Read on the bridge done, Signed done, Verified by the signer done"},
		{"declined", known.Prompt("confirm", "").Fail(fault.New(fault.Declined, "no")), "Connect done, PIN done, Read on the bridge failed, Signed waiting, Verified by the signer waiting"},
		{"no PIN given", known.Prompt("pin", "").Fail(fault.New(fault.Declined, "no")), "Connect done, PIN failed, Read on the bridge waiting, Signed waiting, Verified by the signer waiting"},
		{"wrong PIN", known.Advance(Channel).Fail(fault.New(fault.PINIncorrect, "no")), "Connect done, PIN failed, Read on the bridge waiting, Signed waiting, Verified by the signer waiting"},
		{"wrong PIN after reading", known.Advance(Read).Fail(fault.New(fault.PINIncorrect, "no")), "Connect done, PIN failed, Read on the bridge done, Signed waiting, Verified by the signer waiting"},
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
	for _, kind := range []string{"pairing", "pin", "confirm"} {
		if f := (Flow{}).Advance(Signed).Prompt(kind, "pinentry"); f.Stage != Signed || f.Where != "" {
			t.Errorf("a late prompt moved the flow: %+v", f)
		}
	}
}

func TestTheStepOfThePINSaysHowItStands(t *testing.T) {
	t.Parallel()
	channel := Flow{Paired: true}.Advance(Channel)
	asked := channel.Prompt("pin", "terminal")
	for want, flow := range map[string]Flow{
		"The device opens the line to the signer.":  channel,
		"Unlocked already":                          channel.Prompt("confirm", "pinentry"),
		"Type it in the bridge's terminal.":         asked,
		"Unlocked. The signer sends the statement.": asked.PromptClosed(),
		"Device unlocked":                           asked.PromptClosed().Prompt("confirm", "pinentry"),
		"Type it on this computer.":                 channel.Prompt("confirm", "pinentry").Prompt("pin", "pinentry"),
	} {
		if got := flow.Steps()[1]; got.Title != "PIN" || got.Text != want {
			t.Errorf("%+v, want %q", got, want)
		}
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
