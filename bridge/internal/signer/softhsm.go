package signer

import (
	"path/filepath"
	"strings"

	"countersign/bridge/internal/tokendir"
)

// storeOf finds the store of SoftHSM; it is empty for another module. It fails when the
// module is SoftHSM and its store is not found: who can reach the keys would not be known.
func storeOf(module, maker string) (tokendir.Store, error) {
	if !isSoftHSM(module, maker) {
		return tokendir.Store{}, nil
	}
	return tokendir.Find()
}

// isSoftHSM reports whether the vault token is in SoftHSM: the token says so, whatever
// the module is called and whichever other modules it is reached through; or the module's
// name does, of a link or of what it leads to.
func isSoftHSM(module, maker string) bool {
	names := []string{maker, filepath.Base(module)}
	if real, err := filepath.EvalSymlinks(module); err == nil {
		names = append(names, filepath.Base(real))
	}
	for _, name := range names {
		if strings.Contains(strings.ToLower(name), "softhsm") {
			return true
		}
	}
	return false
}

// maker is what the token of a vault says of its maker; empty for a vault that is in no
// token.
func maker(v Vault) string {
	if h, ok := v.(*hsmVault); ok {
		id := h.token.Identity()
		return id.Manufacturer + " " + id.Model
	}
	return ""
}
