package control

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"countersign/shared/spec"
)

// row is a method as the page has it.
type row struct {
	name           string
	changes        bool
	params, result any
}

func (m Method[P, R]) row() row { return row{m.Name, m.Changes, *new(P), *new(R)} }

// table is every method.
func table() []row {
	return []row{Who.row(), Seen.row(), ListPairings.row(), RevokePairings.row(), ListOrigins.row(), AddOrigin.row(), RemoveOrigin.row(),
		UnblockOrigins.row(), JournalEnd.row(), WriteToJournal.row()}
}

func fields(v any) string {
	names := []string{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if f.Anonymous {
			continue
		}
		name, opt, _ := strings.Cut(f.Tag.Get("json"), ",")
		if opt != "" {
			name += "?"
		}
		names = append(names, name)
	}
	return "`{" + strings.Join(names, ", ") + "}`"
}

func TestThePageHasTheTableOfMethods(t *testing.T) {
	t.Parallel()
	var want []string
	for _, r := range table() {
		changes := "—"
		if r.changes {
			changes = "yes"
		}
		want = append(want, strings.Join([]string{"`" + r.name + "`", changes, fields(r.params), fields(r.result)}, " | "))
	}
	var got []string
	for _, r := range spec.Table(t, "control.md", "Methods", "method") {
		got = append(got, strings.Join(r, " | "))
	}
	spec.Same(t, "methods", got, want)
	_, events, _ := strings.Cut(spec.Section(t, "control.md", "Methods"), "what commands do with keys:")
	spec.Same(t, "events", spec.Words(events), CommandEvents)
}

func TestThePageHasTheLimits(t *testing.T) {
	t.Parallel()
	seconds := func(s fmt.Stringer) string { return s.String()[:len(s.String())-1] + " s" }
	spec.Limit(t, "control.md", "request", spec.Number(MaxRequest), seconds(requestTimeout))
	spec.Limit(t, "control.md", "answer", spec.Number(MaxAnswer), seconds(answerTimeout))
	spec.Limit(t, "control.md", "requests that are answered at once", fmt.Sprint(maxConnections))
	spec.Limit(t, "control.md", "requests of `journal.end` that wait at once", fmt.Sprint(maxConnections))
	spec.Limit(t, "control.md", "connections whose request has not come; the oldest makes room with `BUSY`", fmt.Sprint(maxSilent))
	spec.Limit(t, "control.md", "until something comes before the answer", seconds(aliveEvery))
	spec.Limit(t, "control.md", "answer, in all", fmt.Sprint(longestAnswer.Minutes())+" min")
	spec.Limit(t, "control.md", "path of the socket", fmt.Sprint(maxSocketPath))
	spec.Limit(t, "control.md", "wait for another command's lock", seconds(takeTimeout))
	spec.Limit(t, "control.md", "wait for a bridge that begins, ends or is busy", seconds(reachTimeout))
	spec.Limit(t, "control.md", "between two looks at lock and socket", seconds(watchEvery))
}

func TestThePagesExamplesAreLines(t *testing.T) {
	t.Parallel()
	examples := spec.Examples(t, "control.md", "The socket", "json")
	lines := strings.Split(strings.TrimSpace(examples[0]), "\n")
	if r, err := decodeRequest([]byte(lines[0])); err != nil || r.Method != AddOrigin.Name {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := decodeAnswer([]byte(lines[1])); err != nil {
		t.Error(err)
	}
	if _, err := decodeAnswer([]byte(lines[2])); err == nil || !strings.HasPrefix(err.Error(), "INVALID_REQUEST: ") {
		t.Errorf("%v", err)
	}
}
