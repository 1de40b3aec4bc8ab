package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABridgesConfigurationIsNotTakenForTheSigners(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bridge.json")
	if err := os.WriteFile(path, []byte(`{"identities":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSigner(path); err == nil || !strings.Contains(err.Error(), "as a configuration of the signer") || !strings.Contains(err.Error(), `"identities"`) {
		t.Error(err)
	}
}
