package governance

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"countersign/shared/field"
)

// Recorded is what the signer saw when a request was made, which no intent says and
// rules look at. It stands in the request's signed entry, so that whoever reads the log
// later decides the same, with other tables of zones and other prices.
type Recorded struct {
	Value *Value `json:"value,omitempty"`
	Zones []Zone `json:"zones,omitempty"` // by name
}

// Value is what an asset that is spent is worth in a currency, at a rate.
type Value struct {
	Currency string `json:"currency"` // ISO 4217
	Amount   string `json:"amount"`   // decimal, rounded up to 8 places
	Rate     string `json:"rate"`     // decimal: of the currency, for one of what is spent
	At       int64  `json:"at"`       // of the rate, Unix seconds, by the clock of its source
	Source   string `json:"source"`   // the id of the member who signed the rate
}

// Zone is the local time of a time zone.
type Zone struct {
	Name   string `json:"name"`   // IANA: Europe/Paris
	Offset int64  `json:"offset"` // seconds east of UTC
}

// Check reports the first mistake in what is recorded. Errors are *[field.Problem].
func (r Recorded) Check() error {
	var c field.Checks
	if v := r.Value; v != nil {
		c.Capitals(v.Currency, 3, "recorded.value.currency", "currency")
		c.That(decimalOK(v.Amount), "recorded.value.amount", "is not a plain decimal")
		c.That(RateOK(v.Rate), "recorded.value.rate", "is not a rate")
		c.That(v.At > 0, "recorded.value.at", "is not a time")
		c.ID("mem", v.Source, "recorded.value.source")
	}
	c.That(len(r.Zones) <= maxValues, "recorded.zones", "has too many zones")
	for i, z := range r.Zones {
		c.That(zoneOK(z.Name) && (i == 0 || r.Zones[i-1].Name < z.Name), "recorded.zones", "is not a list of zones by name, once each")
		c.That(max(z.Offset, -z.Offset) < daySeconds, "recorded.zones", "has a zone that is a day from UTC")
	}
	return c.Err()
}

const daySeconds = 24 * 3600

// Zones are the time zones that the rules name, by name, for the caller who records
// what time it is there.
func (s Set) Zones() []string {
	var all []string
	for _, r := range s.Rules {
		for _, c := range r.When {
			if c.Window != nil && c.Window.Zone != "" {
				all = append(all, c.Window.Zone)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// in is the local time of a moment; ok is false when it is not recorded.
func (r Recorded) in(zone string, at time.Time) (local time.Time, ok bool) {
	if zone == "" {
		return at.UTC(), true
	}
	i, ok := slices.BinarySearchFunc(r.Zones, zone, func(z Zone, name string) int { return cmp.Compare(z.Name, name) })
	if !ok {
		return time.Time{}, false
	}
	return at.UTC().Add(time.Duration(r.Zones[i].Offset) * time.Second), true
}

// spends is what the request spends in a unit: the amount itself, or the recorded value
// of an asset.
func (in Input) spends(unit string, rateWithin int64) (string, unmet) {
	f, v := in.Facts, in.Recorded.Value
	switch {
	case f.Currency == unit && !decimalOK(f.Amount):
		return "", unknown("the amount is not a plain decimal")
	case f.Currency == unit:
		return f.Amount, met
	case rateWithin == 0 || f.Currency == "" || moneyOK(f.Currency) || !moneyOK(unit):
		return "", no("it is for amounts in %s", unit)
	case v == nil || v.Currency != unit || !decimalOK(v.Amount):
		return "", unknown("no signed rate says what it is worth in %s", unit)
	case v.Source != in.Rules.RateSource:
		return "", unknown("what it is worth in %s was said by %s, whose rates the rules do not take", unit, v.Source)
	}
	if age := in.Created.Unix() - v.At; age < -MaxAhead || age > rateWithin {
		return "", unknown("its rate of %s is not of the %s before it", at(time.Unix(v.At, 0)), time.Duration(rateWithin)*time.Second)
	}
	return v.Amount, met
}

// zoneOK reports whether s has the form of the name of a zone with an area: Europe/Paris.
// Names without one are left out: they are abbreviations, and Local.
func zoneOK(s string) bool {
	parts := strings.Split(s, "/")
	if len(s) > maxZone || len(parts) < 2 || len(parts) > 3 {
		return false
	}
	return !slices.ContainsFunc(parts, func(p string) bool {
		return p == "" || strings.Trim(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-") != ""
	})
}
