package quote

// HandOff is an order on its way to the provider's widget.
type HandOff struct {
	Order    string // its id; the provider uses it to recognise a repeated hand-off
	Provider string
	Input    Input  // normalised, with the deposit address in Dest
	Crypto   string // the quoted crypto amount
	Chain    string // CAIP-2, of the account; empty: the asset's own
	QuoteRef string // the provider's own quote id, if it gave one
	Return   string // where the widget leads back to; may be empty
	Language string // BCP 47; may be empty
	Theme    string // "dark", "light" or empty
}
