package frame

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/spec"
)

func TestThePageHasEveryCodeOfTheProjectOnce(t *testing.T) {
	t.Parallel()
	var codes []string
	for _, c := range fault.Codes() {
		codes = append(codes, string(c))
	}
	section := spec.Section(t, "frame.md", "Errors")
	_, others, found := strings.Cut(section, "never come from a bridge:")
	if !found {
		t.Fatal("the page does not say which codes never come from a bridge")
	}
	spec.Same(t, "codes", append(spec.Column(t, "frame.md", "Errors", "code", 0), spec.Words(others)...), codes)
	for _, reason := range spec.Column(t, "frame.md", "The end", "close code", 1) {
		if !fault.Known(fault.Code(reason)) && reason != "error" && reason != "link.state" {
			t.Errorf("a connection ends with %s, which is not a code", reason)
		}
	}
	if row := spec.Table(t, "frame.md", "The end", "close code")[0]; row[0] != fmt.Sprint(CloseCode) {
		t.Errorf("the close code is %s", row[0])
	}
}

func TestThePageHasTheLimitsOfAFrame(t *testing.T) {
	t.Parallel()
	spec.Limit(t, "frame.md", "frame", spec.Number(MaxFrame), fmt.Sprint(MaxMessages))
	spec.Limit(t, "frame.md", "method", fmt.Sprint(MaxMethod))
	spec.Limit(t, "frame.md", "ids that are remembered", spec.Number(MaxRemembered))
	spec.Limit(t, "frame.md", "record", spec.Number(MaxRecord))
	spec.Limit(t, "frame.md", "batch", fmt.Sprint(MinBatch), fmt.Sprint(MaxBatch))
	spec.Limit(t, "frame.md", "messages that the page has not read", spec.Number(MaxQueued))
	spec.Limit(t, "frame.md", "error", spec.Number(MaxErrorMessage), fmt.Sprint(MaxDetails))
}

func TestThePagesExampleIsTwoFrames(t *testing.T) {
	t.Parallel()
	asked := map[uint64]string{}
	for _, block := range spec.Examples(t, "frame.md", "", "json") {
		for line := range strings.SplitSeq(block, "\n") {
			messages, err := Decode([]byte(line))
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
			for _, m := range messages {
				if m.Kind() == Request {
					asked[*m.ID] = m.Method
				}
				for _, s := range Methods() {
					var err error
					switch {
					case m.Kind() == Request && s.Method == m.Method:
						err = DecodeParams(m, s.Params())
					case m.Kind() == Reply && m.Error == nil && s.Method == asked[*m.ID]:
						err = DecodeResult(m, s.Result())
					}
					if err != nil {
						t.Errorf("%s: %v", line, err)
					}
				}
			}
		}
	}
	if len(asked) != 2 {
		t.Errorf("the example asks %v", asked)
	}
}

func TestThePageHasTheStatesThatAReceiptMayHave(t *testing.T) {
	t.Parallel()
	row := spec.Row(t, "frame.md", "Methods", "field", "`state` of `approval.finish`")
	spec.Same(t, "states", spec.Words(row[1]), []string{string(governance.Uninitiated), string(governance.Pending), string(governance.Approved), string(governance.Rejected), string(governance.Expired)})
}

func TestARecordInAnotherBase64NamesItsField(t *testing.T) {
	t.Parallel()
	for _, m := range Methods() {
		for example, fresh := range m.examples() {
			var fields map[string]any
			if err := json.Unmarshal([]byte(example), &fields); err != nil {
				t.Fatal(err)
			}
			if fields["record"] == nil {
				continue
			}
			for _, bad := range []any{"a+/=", "AA==", "AB", "A", "AQ\n", "", 1, []int{1}, map[string]int{}} {
				fields["record"] = bad
				text, err := json.Marshal(fields)
				if err != nil {
					t.Fatal(err)
				}
				if f, ok := fault.As(decode(text, fresh())); !ok || f.Code != fault.Invalid || f.Details["field"] != "record" {
					t.Errorf("%s, %v: %v", m.Method, bad, f)
				}
			}
		}
	}
}

func TestThePageHasTheWordsOfEachField(t *testing.T) {
	t.Parallel()
	for field, words := range map[string][]string{
		"`decision`":              {Approve, Reject, Initiate},
		"`outcome`":               {OutcomeSigned},
		"`state` of `link.state`": {Ready, Pairing, Refused},
		"`kind`":                  {PromptConfirm, PromptPIN, PromptPairing},
		"`where`":                 {WherePinentry, WhereTerminal, WhereReader},
	} {
		text := spec.Row(t, "frame.md", "Methods", "field", field)[1]
		text, _, _ = strings.Cut(text, ";")
		spec.Same(t, field, spec.Words(text), words)
	}
}
