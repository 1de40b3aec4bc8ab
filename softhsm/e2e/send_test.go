package e2e

import (
	"testing"

	"countersign/softhsm/e2e/system"
)

func TestAMessageIsSignedByTheAccountsKeyInSoftHSM(t *testing.T) {
	t.Parallel()
	r := startWith(t, system.Config{})
	if err := newStory(t, r).Say(r.ctx); err != nil {
		t.Fatal(err)
	}
}

func TestATransferOfTheVaultWithoutABrowser(t *testing.T) {
	t.Parallel()
	r := startWith(t, system.Config{Fund: true})
	if err := newStory(t, r).Send(r.ctx); err != nil {
		t.Fatal(err)
	}
}
