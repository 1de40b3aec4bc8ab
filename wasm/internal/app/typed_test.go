package app

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestAmountsAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"250", "250"}, {" 1 250 ", "1250"}, {"1,250,000", "1250000"}, {"1,250.50", "1250.5"}, {"0250", "250"},
		{"1.250.000", "1250000"}, {"0.125", "0.125"}, {"0,125", "0.125"}, {"1250.125", "1250.125"}, {"1 250.125", "1250.125"},
		{"1.000", ""}, {"1.000", ""}, {"1,000", ""}, {"1,000", ""}, {"12.500", ""}, {"250,000", ""}, {"٢.٥٠٠", ""},
		{"1.250,50", "1250.5"}, {"12,5", "12.5"}, {"12.5", "12.5"}, {"1'000", "1000"},
		{"٢٥٠", "250"}, {"२५०", "250"}, {"250.", "250"}, {"12,34,567.50", "1234567.5"}, {"1٬250٫5", "1250.5"}, {".5", "0.5"},
		{"1 00 0", ""}, {"1,0000.5", ""}, {"1234,567,890", ""}, {"1 000 0", ""}, {"1,000 000", ""}, {"1.00.000", ""}, {"0,000,100", ""}, {"1,,000", ""}, {"1 000,", "1000"}, {"1;5", ""},
		{"", ""}, {"abc", ""}, {"1e3", ""}, {"-5", ""}, {"0", ""}, {"1,25,0", ""}, {"1.2.3", ""}, {strings.Repeat("9", 70), ""},
	} {
		got, ok := plainAmount(tt.in)
		if !ok {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestAnAmountThatReadsInTwoWaysIsAskedAbout(t *testing.T) {
	t.Parallel()
	m := stage("/buy")
	m.Update(Acted{Action: "buy.field:amount", Value: " 1.000 "})
	says(t, m, "Which of the two do you mean?")
	if cmds := m.Update(Acted{Action: "buy.ask"}); slices.ContainsFunc(cmds, func(c Command) bool { _, asks := c.(AskQuotes); return asks }) {
		t.Error("it asks for prices")
	}
	one, ok := pressable(m, "1\u00a0EUR")
	many, ok2 := pressable(m, "1\u202f000\u00a0EUR")
	if !ok || !ok2 || one == many {
		t.Fatalf("%q and %q", one, many)
	}
	m.Update(Acted{Action: one})
	says(t, m, "for 1 EUR")
	m.Update(Acted{Action: many})
	says(t, m, "!Which of the two", "for 1\u202f000 EUR")
}

func TestAnAmountIsRegroupedWhenThePersonIsDoneAndIsTheSame(t *testing.T) {
	t.Parallel()
	m := all(stage("/buy"))
	m.Update(Acted{Action: "buy.field:amount", Value: "1250.50"})
	m.ask(false)
	m.cfg.Words = Words{Decimal: ",", Second: 2}
	for _, typed := range []string{"1250.50", "1,250.5"} {
		m.Update(Acted{Action: "buy.field:amount", Value: typed})
		m.asked = m.form
		m.Update(Acted{Action: "buy.regroup"})
		if m.form.Amount != "1\u202f250,5" || m.stale() {
			t.Errorf("%q became %q; the prices are for another: %v", typed, m.form.Amount, m.stale())
		}
	}
	m.Update(Acted{Action: "buy.field:amount", Value: "1.000"})
	if m.Update(Acted{Action: "buy.regroup"}); m.form.Amount != "1.000" {
		t.Errorf("what is not understood became %q", m.form.Amount)
	}
	if got := m.cfg.Words.number("12345678.5", -1); got != "1\u202f23\u202f45\u202f678,5" {
		t.Errorf("groups of two: %q", got)
	}
}

// The screens outside the core read and write numbers by the same table (wasm/js/numbers.js).
func TestEveryScreenReadsAndWritesNumbersAlike(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../js/testdata/numbers.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct{ Typed, Written [][]any }
	if err := json.Unmarshal(doc, &table); err != nil || len(table.Typed) < 40 || len(table.Written) < 8 {
		t.Fatalf("the table has %d and %d rows: %v", len(table.Typed), len(table.Written), err)
	}
	for _, row := range table.Typed {
		var want []string
		for _, r := range row[1].([]any) {
			want = append(want, r.(string))
		}
		if got := readings(row[0].(string)); !slices.Equal(got, want) {
			t.Errorf("%q is read as %q, want %q", row[0], got, want)
		}
	}
	for _, row := range table.Written {
		w := Words{Decimal: row[1].(string), Second: int(row[2].(float64))}
		if got := w.number(row[3].(string), -1); got != row[4] {
			t.Errorf("%s in %s is written %q, want %q", row[3], row[0], got, row[4])
		}
	}
}

// Whatever is typed, what is read is a plain decimal that is read as itself.
func FuzzReadings(f *testing.F) {
	for _, s := range []string{"1.000", "1,250.50", "١٢٣", "1 000", "'", "0.0", "12,34,567"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range readings(s) {
			whole, frac, point := strings.Cut(r, ".")
			if whole == "" || strings.Trim(whole+frac, "0123456789") != "" || point && strings.HasSuffix(r, "0") || len(whole) > 1 && whole[0] == '0' {
				t.Errorf("%q is read as %q", s, r)
			}
			if again := readings(r); len(again) == 0 || again[len(again)-1] != r {
				t.Errorf("%q is read as %q, and that as %q", s, r, again)
			}
		}
	})
}
