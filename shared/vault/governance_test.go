package vault

import (
	"testing"

	"countersign/shared/governance"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func TestThePageHasTheSetOfTheAdministrators(t *testing.T) {
	t.Parallel()
	got, err := strictjson.Canonical(governance.AdminSet(1, 2))
	if want := spec.Examples(t, "governance.md", "The administrators", "json")[0]; err != nil || string(got) != want {
		t.Errorf("the page has %s, the code %s (%v)", want, got, err)
	}
}
