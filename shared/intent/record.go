package intent

import "countersign/shared/name"

// Record is an intent in the columns of the journal (shared/spec/journal.md); a kind
// leaves empty what it does not have.
type Record struct {
	Intent       string `json:"intent,omitempty"`       // its kind
	Price        string `json:"price,omitempty"`        // what is paid, or the highest fee: "250.00 EUR", "0.0021 ethereum"
	Amount       string `json:"amount,omitempty"`       // what is bought, as quoted, or moved: "0.0815"
	Asset        string `json:"asset,omitempty"`        // of which: its LedgerId, "ethereum"
	Minimum      string `json:"minimum,omitempty"`      // the least amount that is accepted
	Counterparty string `json:"counterparty,omitempty"` // name and id: "NorthPay (northpay)"
	Account      string `json:"account,omitempty"`      // name and id: "Treasury (acc_treasury)"
	Address      string `json:"address,omitempty"`      // where it is to arrive
	Chain        string `json:"chain,omitempty"`        // CAIP-2: "eip155:1"
	Change       string `json:"change,omitempty"`       // what becomes of the vault itself, in a sentence: "Suspend member Bob"; or of a transfer: "cancel transfer req_…", or what is signed: "sign a text of 45 bytes"
	Purpose      string `json:"purpose,omitempty"`      // what it is for, in the asker's words
	Reference    string `json:"reference,omitempty"`    // what it is called in the asker's books
}

// Tell says in a few lines what a record is about; it is empty for one that is about
// no intent. A record of an earlier version has no kind, and is of a purchase.
func (r Record) Tell() []string {
	if r.Amount == "" && r.Price == "" && r.Change == "" {
		return nil
	}
	tell := tellBuy
	for _, k := range kinds {
		if k.name == r.Intent {
			tell = k.tell
		}
	}
	lines := tell(r)
	if r.Purpose != "" {
		lines = append(lines, "for "+name.InQuotes(r.Purpose))
	}
	if r.Reference != "" {
		lines = append(lines, "reference "+name.InQuotes(r.Reference))
	}
	return lines
}
