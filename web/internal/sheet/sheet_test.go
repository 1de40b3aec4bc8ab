package sheet

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
)

func TestATextThatASpreadsheetWouldCalculateIsText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", `=HYPERLINK("https://x")`} {
		if got := Text(s).text; got != "'"+s {
			t.Errorf("%q is written %q", s, got)
		}
		if got := Figure(s); strings.Trim(s, "-0123456789") != "" && got.text != "'"+s {
			t.Errorf("as a number, %q is written %q", s, got.text)
		}
	}
	for _, s := range []string{"", "Acme", "1.5", "a=b", "'x"} {
		if got := Text(s).text; got != s {
			t.Errorf("%q is written %q", s, got)
		}
	}
	for _, s := range []string{"-1.5", "0", "0.000000000000000001"} {
		if got := Figure(s).text; got != s {
			t.Errorf("%q is written %q", s, got)
		}
	}
}

func TestATableIsWrittenAsRFC4180Says(t *testing.T) {
	t.Parallel()
	raw, err := Table{[]string{"name", "amount"}, [][]Cell{{Text(`Müller, "Söhne"` + "\nAG"), Figure("-1.5")}, {{}, {}}}}.CSV()
	if want := "name,amount\r\n\"Müller, \"\"Söhne\"\"\r\nAG\",-1.5\r\n,\r\n"; err != nil || string(raw) != want {
		t.Errorf("%q, %v", raw, err)
	}
	if _, err := (Table{[]string{"a", "b"}, [][]Cell{{Text("x")}}}).CSV(); err == nil {
		t.Error("a row with too few cells was written")
	}
}

// Whatever a text is, it is one cell, and what stands in it is the text.
func FuzzText(f *testing.F) {
	for _, s := range []string{"=1", "a,b", `"`, "\r\n", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		raw, err := Table{[]string{"a", "b"}, [][]Cell{{Text(s), Figure("1")}}}.CSV()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != 2 {
			t.Fatalf("%q: %q, %v", s, rows, err)
		}
		got := rows[1][0]
		if strings.ContainsAny(s[:min(1, len(s))], "=+-@\t\r\n") {
			if !strings.HasPrefix(got, "'") {
				t.Fatalf("%q is written %q", s, got)
			}
			got = got[1:]
		}
		plain := strings.NewReplacer("\r\n", "\n", "\r", "").Replace // the reader's, of line ends
		if plain(strings.TrimPrefix(got, "'")) != plain(strings.TrimPrefix(s, "'")) && !strings.ContainsAny(s, "\r") {
			t.Fatalf("%q is read as %q", s, got)
		}
	})
}
