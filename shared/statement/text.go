package statement

import (
	"strings"
	"time"
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
		{"Valid until", until(a)},
	}
	return align(lines)
}

func until(a Approval) string {
	return time.Unix(a.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// align writes lines of label and value with the values under each other. A line
// without a value is a heading, or empty.
func align(lines [][2]string) string {
	width := 0
	for _, l := range lines {
		if l[1] != "" {
			width = max(width, len(l[0]))
		}
	}
	var s strings.Builder
	for i, l := range lines {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(l[0])
		if l[1] != "" {
			s.WriteString(strings.Repeat(" ", width-len(l[0])+2) + l[1])
		}
	}
	return s.String()
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
