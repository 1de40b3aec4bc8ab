package quote

import (
	"cmp"
	"slices"
	"strconv"

	"countersign/shared/amount"
)

// What ranking by expected delivery rests on; shared/spec/providers.md, Expected delivery.
const (
	// RecordOrders is how many of the newest orders at a provider count.
	RecordOrders = 50
	// prior is how many orders that were delivered as promised stand before those that
	// are known, so that a few say little.
	prior       = 10
	ratioPlaces = 6
)

// Record is how a provider has kept what it promised, to one entity.
type Record struct {
	Delivered      int    `json:"delivered"`       // orders that were delivered
	Ended          int    `json:"ended"`           // those, and the failed and refunded ones
	DeliveryRatio  string `json:"delivery_ratio"`  // of what was promised, measured; 1.000000 while nothing is known
	CompletionOdds string `json:"completion_odds"` // that an order is delivered, measured
}

// Delivery is one order that ended: what was promised and what arrived, or nothing, as it
// failed or was paid back.
type Delivery struct{ Promised, Delivered string }

// Sum is the record of deliveries. What is more than was promised counts as promised: it
// is another payment.
func Sum(all []Delivery) Record {
	r := Record{Ended: len(all)}
	ratios := amount.Must(strconv.Itoa(prior))
	for _, d := range all {
		promised, err := amount.Parse(d.Promised)
		delivered, derr := amount.Parse(d.Delivered)
		if err != nil || derr != nil || promised.Sign() <= 0 {
			continue
		}
		if r.Delivered++; delivered.Cmp(promised) > 0 {
			delivered = promised
		}
		ratios = ratios.Add(delivered.Div(promised, ratioPlaces, amount.Floor))
	}
	known := amount.Must(strconv.Itoa(prior + r.Delivered))
	r.DeliveryRatio = ratios.Div(known, ratioPlaces, amount.Floor).String()
	r.CompletionOdds = known.Div(amount.Must(strconv.Itoa(prior+r.Ended)), ratioPlaces, amount.Floor).String()
	return r
}

// Expected is what a quote is worth by the provider's record.
type Expected struct {
	Amount string `json:"amount"` // quoted × delivery ratio × completion odds, rounded down
	Rank   int    `json:"rank"`   // among all by that; 0 is not ranked yet
	Record
}

// Ranking says how expected amounts come about.
type Ranking struct {
	Version int    `json:"version"`
	Formula string `json:"formula"`
	Prior   int    `json:"prior"`  // orders as promised that stand before the known ones
	Orders  int    `json:"orders"` // that count, at most, the newest
}

// TheRanking is the one that is used.
func TheRanking() *Ranking {
	return &Ranking{Version: 1, Prior: prior, Orders: RecordOrders,
		Formula: "expected = quoted × delivery_ratio × completion_odds; delivery_ratio = (10 + Σ min(1, delivered ÷ promised)) ÷ (10 + delivered orders); completion_odds = (10 + delivered orders) ÷ (10 + ended orders)"}
}

// Expect returns the row with what it is worth.
func Expect(row Row, r Record) Row {
	quoted, err := amount.Parse(row.CryptoAmount)
	ratio, rerr := amount.Parse(r.DeliveryRatio)
	odds, oerr := amount.Parse(r.CompletionOdds)
	if err != nil || rerr != nil || oerr != nil {
		return row
	}
	row.Expected = &Expected{Amount: quoted.Mul(ratio).Mul(odds).Rescale(row.AssetPlaces, amount.Floor).Trim().String(), Record: r}
	return row
}

// RankExpected gives rows that [Expect] made their ranks by expected amount, and leaves
// their order as it is. Outliers come last, as in [Rank].
func RankExpected(rows []Row) {
	order := make([]int, len(rows))
	worth := make([]amount.Amount, len(rows))
	for i, r := range rows {
		order[i] = i
		if r.Expected != nil {
			worth[i], _ = amount.Parse(r.Expected.Amount) // as Expect wrote it
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(suspect(rows[a])-suspect(rows[b]), worth[b].Cmp(worth[a]), cmp.Compare(rows[a].Provider, rows[b].Provider))
	})
	for n, i := range order {
		if rows[i].Expected == nil {
			continue
		}
		e := *rows[i].Expected
		e.Rank = n + 1
		if n > 0 {
			before := order[n-1]
			if suspect(rows[before]) == suspect(rows[i]) && worth[before].Cmp(worth[i]) == 0 && rows[before].Expected != nil {
				e.Rank = rows[before].Expected.Rank
			}
		}
		rows[i].Expected = &e
	}
}
