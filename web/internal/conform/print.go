package conform

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes a report for people.
func (r Report) Print(w io.Writer) error {
	in := r.Asked
	fmt.Fprintf(w, "%s\nasked for %s %s of %s, by %s, in %s\n\n", r.URL, in.Amount, in.From, in.To, in.PaymentMethod, in.Country)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	count := map[string]int{}
	for _, f := range r.Findings {
		count[f.Level]++
		c := Checks[at(f.Check)]
		text := f.Text
		if f.Level == OK {
			text = c.What
		}
		if c.Contradiction > 0 && f.Level != OK {
			text += fmt.Sprintf(" [contradiction %d of the contract]", c.Contradiction)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Level, f.Check, text)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	says := map[string]string{
		OK: "It keeps the contract.", Note: "It differs from the contract in ways that a gateway copes with.", Fail: "A gateway cannot use it as it is.",
	}[r.Verdict]
	_, err := fmt.Fprintf(w, "\n%d ok, %d notes, %d failed, %d skipped. %s\n", count[OK], count[Note], count[Fail], count[Skipped], says)
	return err
}
