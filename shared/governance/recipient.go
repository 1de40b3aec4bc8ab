package governance

import (
	"fmt"
	"slices"
)

// Recipient matches when the intent's address is that of the own key of an account of the
// vault, on its chain: of a child of the account that pays, or of one that is named.
type Recipient struct {
	Children bool     `json:"children,omitempty"` // the accounts whose parent is the one that pays
	Accounts []string `json:"accounts,omitempty"` // acc_…
}

// Account is an account of the vault, as far as rules look at it.
type Account struct {
	Account string `json:"account"`
	Chain   string `json:"chain"`            // CAIP-2
	Address string `json:"address"`          // of its own key
	Parent  string `json:"parent,omitempty"` // the account that funds it; empty: none
}

// elsewhere is why the recipient is none of the accounts.
func (in Input) elsewhere(r Recipient) unmet {
	f := in.Facts
	for _, a := range in.Accounts {
		if f.Address != "" && a.Address == f.Address && a.Chain == f.Chain &&
			(r.Children && a.Parent == f.Account || slices.Contains(r.Accounts, a.Account)) {
			return met
		}
	}
	return no("the recipient is not one of its accounts")
}

func (r Recipient) check(at string) error {
	if !r.Children && len(r.Accounts) == 0 || len(r.Accounts) > maxValues {
		return mistake(at, "must be children, or 1 to 256 accounts, or both")
	}
	for i, id := range r.Accounts {
		if slices.Contains(r.Accounts[:i], id) {
			return mistake(at+".accounts", fmt.Sprintf("lists %q twice", clip(id)))
		}
	}
	return nil
}

// stranger is an account that a condition names and that is not in the vault; empty: none.
func (o Objects) stranger(r Recipient) string {
	for _, id := range r.Accounts {
		if !slices.ContainsFunc(o.Accounts, func(a Account) bool { return a.Account == id }) {
			return id
		}
	}
	return ""
}
