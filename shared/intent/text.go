package intent

import (
	"strconv"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/name"
)

// Line is one line of what a person reads: a label and its value. Without a value
// it is a heading, and without a label too it is empty.
type Line struct {
	Label, Value string
	// Varies says that the line is another one each time that an approver is asked:
	// who signs, with which key, at which step, and until when. Such a line is not
	// part of a comparison of the page with the prompt.
	Varies bool
}

// Labels that several kinds and their totals share.
const (
	LabelPay     = "You pay"
	LabelGet     = "You get"
	LabelMinimum = "Minimum"
)

// WhyLines are what the asker says about an intent; none when they said nothing.
func WhyLines(i Intent) (all []Line) {
	why := i.Why()
	for _, l := range []Line{{Label: "For", Value: why.Purpose}, {Label: "Reference", Value: why.Reference}} {
		if l.Value != "" {
			l.Value = name.InQuotes(l.Value)
			all = append(all, l)
		}
	}
	return all
}

// Money sets the thousands of an amount apart. What is not an amount is shown as it is.
func Money(value string) string {
	a, err := amount.Parse(value)
	if err != nil {
		return value
	}
	return a.Format(amount.Spaced())
}

// unit writes an asset by its ticker and its id; one that is not known, by its id
// alone. A currency is its code.
func unit(id string) string {
	if a, ok := asset.ByID(id); ok {
		return a.Ticker + " (" + id + ")"
	}
	return id
}

// Chain writes a chain by its name and its id: "Ethereum (eip155:1)".
func Chain(id string) string {
	if n, ok := asset.Chain(id); ok {
		return n.Name + " (" + id + ")"
	}
	return id
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

func finerThan(places int, of string) string {
	return "has more than the " + strconv.Itoa(places) + " decimal places of " + of
}

// unfit says why an address of a chain cannot hold what is sent to it; it is empty
// when it can, as far as its form tells.
func unfit(chain, address string) string {
	if !strings.HasPrefix(chain, "eip155:") {
		return ""
	}
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok || len(digits) != 40 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "is not an address of an eip155 chain: 0x and 40 hexadecimal digits"
	}
	if !checked(address) {
		return "has letters in an upper and lower case that do not fit its digits (EIP-55): one of them was changed"
	}
	if strings.Trim(digits, "0") == "" {
		return "is the zero address, which nobody has the key of"
	}
	for _, a := range asset.OnChain(chain) {
		if strings.EqualFold(address, a.Contract()) {
			return "is the contract of " + a.Name + ", which keeps what it is sent"
		}
	}
	return ""
}

// stranger is [unfit] for an address that is not the vault's own, and that somebody may
// have typed: it must carry its check.
func stranger(chain, address string) string {
	why := unfit(chain, address)
	if why == "" && strings.HasPrefix(chain, "eip155:") && !written(address) {
		why = "is not written in the upper and lower case of EIP-55, which would show a changed digit"
	}
	return why
}

// AddressProblem says why an address outside the vault cannot receive on a chain, by the
// tables of today, as the end of a sentence about it; empty: as far as its form tells,
// it can.
func AddressProblem(chain, address string) string {
	if _, ok := asset.Chain(chain); !ok {
		return "is on a chain that is not in the table of known chains"
	}
	return stranger(chain, address)
}

// Count names several intents: "3 purchases", or "2 requests" where kinds differ.
func Count(list []Intent) string {
	noun := list[0].Noun()
	for _, i := range list {
		if i.Noun() != noun {
			noun = "request"
		}
	}
	if len(list) != 1 {
		noun += "s"
	}
	return strconv.Itoa(len(list)) + " " + noun
}
