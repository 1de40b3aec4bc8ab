package extract

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/wire"
)

var (
	from  = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	to    = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	index = int64(3)
	block = int64(7)
)

const (
	ether  = "ethereum"
	dollar = "ethereum/erc20/sandbox_dollar"
)

func worth(value, rate string) *wire.Value {
	return &wire.Value{Currency: "EUR", Amount: value, Rate: rate, Source: "mem_rates", At: noon}
}

// sample is a statement in which ether is valued and the token is not, with a text that a
// spreadsheet would calculate.
func sample() wire.AccountStatement {
	const caip = "eip155:31337/slip44:60"
	return wire.AccountStatement{
		Entity: "ent_sandbox", Account: wire.StatementAccount{ID: "acc_treasury", Name: "Treasury", Chain: "eip155:31337", Address: "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"},
		From: from, To: to, Complete: true, Currency: "EUR",
		Opening: []wire.ValuedAmount{{Asset: ether, CAIP19: caip, Amount: "1", Value: worth("2500.00", "2500")}},
		Lines: []wire.StatementLine{
			{ID: "bkg_one", At: noon, Type: wire.LineDeposit, Text: `=HYPERLINK("https://evil.example")`, Asset: ether, CAIP19: caip, Amount: "0.100000000000000001", BalanceAfter: "1.100000000000000001", Value: worth("260.00", "2600"),
				Counterparty: "@Pay", TxHash: "0x01", Block: &block, BlockAt: noon.Add(-time.Minute), Request: "req_one", Order: "ord_one"},
			{ID: "bkg_two", At: noon, Type: wire.LineWithdrawal, Text: "Sent 0.5 ETH", Asset: ether, CAIP19: caip, Amount: "-0.5", BalanceAfter: "0.600000000000000001", Value: worth("-1300.00", "2600")},
			{ID: "bkg_thr", At: noon, Type: wire.LineReversal, Text: "Reversed", Asset: dollar, CAIP19: "eip155:31337/erc20:0x5FbDB2315678afecb367f032d93F642f64180aa3", Amount: "-3.000009", BalanceAfter: "-3.000009", Index: &index, Reverses: "bkg_one"},
		},
		Closing:    []wire.ValuedAmount{{Asset: ether, CAIP19: caip, Amount: "0.600000000000000001", Value: worth("1620.00", "2700")}, {Asset: dollar, Amount: "-3.000009"}},
		ServerTime: to.Add(time.Hour),
	}
}

func file(t *testing.T, s wire.AccountStatement, format string) File {
	t.Helper()
	f, err := Of(s, format)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheCSVOfAStatementHasAllToTheLastDigitAndNoFormula(t *testing.T) {
	t.Parallel()
	f := file(t, sample(), CSV)
	if f.Name != "acc_treasury_20261101_20261201.csv" {
		t.Errorf("it is called %s", f.Name)
	}
	rows, err := csv.NewReader(bytes.NewReader(f.Body)).ReadAll()
	if err != nil || len(rows) != 4 || !strings.HasPrefix(string(f.Body), "timestamp_utc,id,") || !bytes.Contains(f.Body, []byte("\r\n")) {
		t.Fatalf("%s, %v", f.Body, err)
	}
	cell := func(row int, column string) string { return rows[row][slices.Index(rows[0], column)] }
	for _, c := range []struct {
		row          int
		column, want string
	}{
		{1, "timestamp_utc", "2026-11-20T12:00:00.000Z"}, {1, "amount", "0.100000000000000001"}, {1, "label", `'=HYPERLINK("https://evil.example")`}, {1, "counterparty", "'@Pay"},
		{1, "fiat_value", "260.00"}, {1, "rate_source", "mem_rates"}, {1, "index", ""}, {1, "block", "7"}, {2, "amount", "-0.5"}, {2, "fiat_value", "-1300.00"}, {3, "index", "3"},
		{3, "fiat_value", ""}, {3, "fiat_currency", ""}, {3, "balance_after", "-3.000009"}, {3, "type", "reversal"}, {1, "fee_amount", ""},
	} {
		if got := cell(c.row, c.column); got != c.want {
			t.Errorf("row %d, %s: %q, want %q", c.row, c.column, got, c.want)
		}
	}
	spec.Same(t, "columns of the CSV file", spec.Column(t, "reports.md", "CSV", "column", 0), rows[0])
	spec.Same(t, "formats", spec.Column(t, "reports.md", "Formats", "`format`", 0), Formats())
}

func TestTheJSONLinesOfAStatementAreItsLines(t *testing.T) {
	t.Parallel()
	s := sample()
	all := strings.Split(strings.TrimSuffix(string(file(t, s, Lines).Body), "\n"), "\n")
	var records []string
	for _, l := range all {
		var v struct {
			Record string `json:"record"`
		}
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		records = append(records, v.Record)
	}
	if got := strings.Join(records, " "); got != "statement opening line line line closing closing" || !strings.Contains(all[2], `"amount":"0.100000000000000001"`) {
		t.Errorf("%s:\n%s", got, strings.Join(all, "\n"))
	}
}

func TestAStatementAsCamtHasTheFormOfTheMessageAndAddsUp(t *testing.T) {
	t.Parallel()
	raw := file(t, sample(), Camt).Body
	m := validCamt(t, raw)
	if len(m.stmts) != 2 {
		t.Fatalf("%d statements\n%s", len(m.stmts), raw)
	}
	fiat, token := m.stmts[0], m.stmts[1]
	if fiat.currency != "EUR" || fiat.opening != "2500.00" || fiat.closing != "1620.00" || !slices.Equal(fiat.codes, []string{"DEPOSIT", "WITHDRAWAL", "REVALUATION"}) {
		t.Errorf("%+v", fiat)
	}
	if token.currency != "XXX" || token.opening != "0" || token.closing != "-3" || !slices.Equal(token.codes, []string{"REVERSAL"}) {
		t.Errorf("%+v", token)
	}
	text := string(raw)
	for _, want := range []string{"quantity=0.100000000000000001 asset=ethereum", "quantity=-3.000009", "rate=2600 rate_source=mem_rates", "<RvslInd>true</RvslInd>", "<CdtDbtInd>DBIT</CdtDbtInd>"} {
		if !strings.Contains(text, want) {
			t.Errorf("it has no %q:\n%s", want, text)
		}
	}
	validCamt(t, file(t, wire.AccountStatement{Entity: "ent_a", Account: wire.StatementAccount{ID: "acc_" + strings.Repeat("a", 40), Name: strings.Repeat("ü", 90), Chain: "eip155:31337"}, From: from, To: to}, Camt).Body)
}

// Sums of what was cut are stated, too.
func TestWhatCamtCannotSayIsOneEntryOfRounding(t *testing.T) {
	t.Parallel()
	s := sample()
	s.Currency, s.Opening, s.Closing = "", nil, []wire.ValuedAmount{{Asset: ether, Amount: "0.00002"}}
	s.Lines = nil
	for range 4 {
		s.Lines = append(s.Lines, wire.StatementLine{ID: "bkg_x", At: noon, Type: wire.LineDeposit, Text: "t", Asset: ether, Amount: "0.000005", BalanceAfter: "0"})
	}
	m := validCamt(t, file(t, s, Camt).Body)
	if got := m.stmts[0]; got.closing != "0.00002" || !slices.Equal(got.codes, []string{"DEPOSIT", "DEPOSIT", "DEPOSIT", "DEPOSIT", "ROUNDING"}) {
		t.Errorf("%+v", got)
	}
	s.Closing[0].Amount = "12345678901234567890"
	if _, err := Of(s, Camt); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("20 digits: %v", err)
	}
	f, err := Archive(s, func(string, []byte) (string, error) { return "signed", nil })
	if err != nil || bytes.Contains(f.Body, []byte(".xml")) {
		t.Errorf("the archive: %v", err)
	}
}

func TestTheArchiveHasAManifestOfItsFilesThatIsSigned(t *testing.T) {
	t.Parallel()
	var typ string
	var signed []byte
	f, err := Archive(sample(), func(of string, payload []byte) (string, error) { typ, signed = of, payload; return "a.b.c", nil })
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(f.Body), int64(len(f.Body)))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if has[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	var m Manifest
	if err := json.Unmarshal(signed, &m); err != nil || typ != TypManifest || !bytes.Equal(has["manifest.json"], signed) || string(has["manifest.jws"]) != "a.b.c" {
		t.Fatalf("%s %s: %v", typ, signed, err)
	}
	if len(m.Files) != 3 || m.Account != "acc_treasury" || !m.From.Equal(from) || !m.To.Equal(to) || len(m.Choices) != 5 || len(has) != 5 {
		t.Errorf("%+v", m)
	}
	for _, f := range m.Files {
		if sum := sha256.Sum256(has[f.Name]); base64.RawURLEncoding.EncodeToString(sum[:]) != f.SHA256 || len(has[f.Name]) != f.Bytes {
			t.Errorf("%+v is not %s", f, f.Name)
		}
	}
	example := spec.Examples(t, "reports.md", "The manifest", "json")
	var read Manifest
	d := json.NewDecoder(strings.NewReader(example[0]))
	d.DisallowUnknownFields()
	if err := d.Decode(&read); err != nil || len(read.Files) == 0 || len(read.Choices) == 0 {
		t.Errorf("the page's example: %+v, %v", read, err)
	}
}

// FuzzCamt: whatever texts and amounts are, the message has its form and adds up.
func FuzzCamt(f *testing.F) {
	f.Add("Treasury", "Sent <b>&", "0.100000000000000001", "1.5", "2.12")
	f.Add("", "\x00\u202e", "0.000001", "0", "0.01")
	f.Fuzz(func(t *testing.T, name, text, moved, opening, value string) {
		s := sample()
		sum := amount.Amount{}
		for _, p := range []string{moved, opening, value} {
			a, err := amount.Parse(p)
			if err != nil || a.Sign() < 0 {
				return
			}
			if p != value {
				sum = sum.Add(a)
			}
		}
		s.Account.Name = name
		s.Lines = []wire.StatementLine{{ID: "bkg_x", At: noon, Type: wire.LineDeposit, Text: text, Counterparty: text, Asset: ether, Amount: moved, BalanceAfter: sum.String(), Value: worth(value, "1")}}
		s.Opening = []wire.ValuedAmount{{Asset: ether, Amount: opening, Value: worth("1.00", "1")}}
		s.Closing = []wire.ValuedAmount{{Asset: ether, Amount: sum.String(), Value: worth(value, "1")}}
		for _, currency := range []string{"EUR", ""} {
			s.Currency = currency
			out, err := Of(s, Camt)
			if fault.CodeOf(err) == fault.Invalid {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			validCamt(t, out.Body)
		}
	})
}
