package statement

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Text is what a person reads before the key is used, on trusted ground; the
// page shows the same. Every line is "label  value" with aligned values; the
// decision comes first; amounts are exact; the address stands in groups of four.
// It is a function of the statement alone.
func Text(a Approval) string {
	b := a.Intent
	decision := "APPROVE this purchase"
	if a.Decision == Reject {
		decision = "REJECT this purchase"
	}
	lines := [][2]string{
		{"Decision", decision},
		{"You pay", b.Fiat.Amount + " " + b.Fiat.Currency},
		{"You get", b.Crypto.Amount + " " + b.Crypto.Asset},
		{"At the least", b.Minimum + " " + b.Crypto.Asset},
		{"From", b.ProviderName + " (" + b.Provider + ")"},
		{"Into account", b.AccountName + " (" + b.Account + ")"},
		{"To address", Groups(b.Address)},
		{"On chain", b.Chain},
		{"Paid by", b.PaymentMethod + ", " + b.Country},
		{"Quote", b.Quote},
		{"Request", a.Request + ", step " + itoa(a.Step)},
		{"Rule", a.GovernedBy.Rule + ", version " + itoa(a.GovernedBy.Version)},
		{"Entity", a.EntityName + " (" + a.Entity + ")"},
		{"You sign as", a.MemberName + " (" + a.Member + ")"},
		{"With key", a.Key},
		{"Valid until", time.Unix(a.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")},
	}
	width := 0
	for _, l := range lines {
		width = max(width, utf8.RuneCountInString(l[0]))
	}
	var s strings.Builder
	for _, l := range lines {
		s.WriteString(l[0] + strings.Repeat(" ", width-utf8.RuneCountInString(l[0])+2) + l[1] + "\n")
	}
	return strings.TrimSuffix(s.String(), "\n")
}

// Groups writes an address in groups of four characters, after its 0x where it
// has one, so that two can be compared by eye.
func Groups(address string) string {
	var s strings.Builder
	rest, hex := strings.CutPrefix(address, "0x")
	if hex {
		s.WriteString("0x")
	}
	for i := 0; i < len(rest); i += 4 {
		if i > 0 || hex {
			s.WriteByte(' ')
		}
		s.WriteString(rest[i:min(i+4, len(rest))])
	}
	return s.String()
}
