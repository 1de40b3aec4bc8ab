package statement

import "countersign/shared/governance"

// Rate is what a source of rates signs: what one of an asset is worth in a currency. It
// is good for the vault that it names.
type Rate struct {
	V        int    `json:"v"`    // 1
	Type     string `json:"type"` // "rate"
	Entity   string `json:"entity"`
	Source   string `json:"source"`   // member id of whoever signs it
	Asset    string `json:"asset"`    // LedgerId
	Currency string `json:"currency"` // ISO 4217
	Rate     string `json:"rate"`     // decimal: of the currency, for one of the asset
	At       int64  `json:"at"`       // when it was so, Unix seconds
}

func (r Rate) check() error {
	var c checks
	c.kind(1, r.V, r.Type, "rate")
	c.ID("ent", r.Entity, "entity")
	c.ID("mem", r.Source, "source")
	c.Slug(r.Asset, "asset")
	c.Capitals(r.Currency, 3, "currency", "currency")
	c.That(governance.RateOK(r.Rate), "rate", "is not a plain decimal of more than 0, with at most 18 digits before the point and 18 behind it")
	c.time(r.At, "at")
	return c.failed()
}
