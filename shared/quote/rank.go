package quote

import (
	"cmp"
	"slices"

	"countersign/shared/amount"
)

// An offer below or above these percentages of the median of the others is an
// outlier, when there are at least three offers to compare.
const (
	outlierBelow = "85"
	outlierAbove = "115"
	outlierRows  = 3
)

// Rank orders rows best first (most crypto received; equal amounts share a rank
// and are in order of provider), marks the best and the outliers, and returns a
// new slice. A row that is an outlier comes last and is never the best: a price
// too good to be true is a mistake or worse. It may be called again as rows
// arrive.
func Rank(rows []Row) []Row {
	out := slices.Clone(rows)
	amounts := make(map[string]amount.Amount, len(out))
	for _, r := range out {
		a, err := amount.Parse(r.CryptoAmount)
		if err != nil {
			a = amount.Amount{} // ranks last; providers' answers were checked before
		}
		amounts[r.ID] = a
	}
	for i := range out {
		r := &out[i]
		r.Warnings = slices.DeleteFunc(slices.Clone(r.Warnings), func(w string) bool { return w == RateOutlier })
		if outlier(rows, amounts, r.ID) {
			r.Warnings = append(r.Warnings, RateOutlier)
		}
	}
	slices.SortStableFunc(out, func(a, b Row) int {
		return cmp.Or(suspect(a)-suspect(b), amounts[b.ID].Cmp(amounts[a.ID]), cmp.Compare(a.Provider, b.Provider))
	})
	for i := range out {
		out[i].Rank = i + 1
		if i > 0 && suspect(out[i]) == suspect(out[i-1]) && amounts[out[i].ID].Cmp(amounts[out[i-1].ID]) == 0 {
			out[i].Rank = out[i-1].Rank
		}
		out[i].Best = out[i].Rank == 1 && suspect(out[i]) == 0 && !amounts[out[i].ID].IsZero()
	}
	return out
}

func suspect(r Row) int {
	if slices.Contains(r.Warnings, RateOutlier) {
		return 1
	}
	return 0
}

// outlier compares one row with the median of the others.
func outlier(rows []Row, amounts map[string]amount.Amount, id string) bool {
	if len(rows) < outlierRows {
		return false
	}
	var others []amount.Amount
	for _, r := range rows {
		if r.ID != id {
			others = append(others, amounts[r.ID])
		}
	}
	slices.SortFunc(others, amount.Amount.Cmp)
	// The lower and the upper median: an even number of others has two, and
	// being close to one of them is enough.
	low, high := others[(len(others)-1)/2], others[len(others)/2]
	a, percent := amounts[id], amount.Must("100")
	return a.Mul(percent).Cmp(low.Mul(amount.Must(outlierBelow))) < 0 || a.Mul(percent).Cmp(high.Mul(amount.Must(outlierAbove))) > 0
}
