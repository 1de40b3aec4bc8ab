package journal

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func TestThePageHasTheFieldsTheEventsAndTheLimits(t *testing.T) {
	t.Parallel()
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Entry]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			fields = append(fields, name)
		}
	}
	var page []string
	for _, row := range spec.Table(t, "journal.md", "Form", "field") {
		page = append(page, spec.Words(row[0])...)
	}
	if !slices.Equal(page, fields) {
		t.Errorf("the page has the fields %v, the code %v", page, fields)
	}
	events := []string{Started, Recovered, HeadSigned, GenesisSigned, Registered, Paired, PairingFailed, Revoked, OriginAdded, OriginRemoved, Blocked, Unblocked, Limited, Refused, Batched,
		Derived, Unlocked, Allowed, PINFailed, Locked, Approved, Declined, Signed, Failed, ModuleFailed, KeyMade, KeyDeleted}
	spec.Same(t, "events", spec.Column(t, "journal.md", "Form", "event", 0), events)
	for _, row := range spec.Table(t, "journal.md", "Form", "event") {
		for _, name := range spec.Words(row[0]) {
			if first := strings.Contains(row[0], "`"+name+"` †"); first != (Event{Kind: name}).Durable() {
				t.Errorf("%s: the page and the code differ on when it is on the disk", name)
			}
		}
	}
	spec.Limit(t, "journal.md", "line", spec.Number(maxLine))
	spec.Limit(t, "journal.md", "`process`", spec.Number(maxProcess))
}

func TestThePagesExampleIsALine(t *testing.T) {
	t.Parallel()
	example := spec.Examples(t, "journal.md", "Form", "json")[0]
	var e Entry
	if err := strictjson.UnmarshalCanonical([]byte(example), &e, maxLine); err != nil {
		t.Errorf("%s: %v", example, err)
	}
	spec.Shows(t, "a line", example, e, "batch", "count", "change", "code")
}
