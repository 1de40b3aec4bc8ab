package extract

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/sheet"
)

// Namespace is that of the message: a bank-to-customer statement of ISO 20022.
const Namespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

// noCurrency is the code of ISO 4217 for what is in no currency. It has no code for a
// crypto-asset.
const noCurrency = "XXX"

// Its amounts have at most 5 digits behind the point and 18 in all, and no sign.
const (
	camtPlaces = 5
	camtDigits = 18
)

// The message, with its elements in their order.
type (
	document struct {
		XMLName xml.Name  `xml:"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08 Document"`
		Group   groupHead `xml:"BkToCstmrStmt>GrpHdr"`
		Stmts   []stmt    `xml:"BkToCstmrStmt>Stmt"`
	}
	groupHead struct {
		ID   string `xml:"MsgId"`
		Made string `xml:"CreDtTm"`
	}
	stmt struct {
		ID    string `xml:"Id"`
		Made  string `xml:"CreDtTm"`
		From  string `xml:"FrToDt>FrDtTm"`
		To    string `xml:"FrToDt>ToDtTm"`
		Acct  acct   `xml:"Acct"`
		Bals  []bal  `xml:"Bal"`
		Ntrys []ntry `xml:"Ntry"`
		Info  string `xml:"AddtlStmtInf"`
	}
	acct struct {
		ID       string `xml:"Id>Othr>Id"`
		Currency string `xml:"Ccy"`
		Name     string `xml:"Nm,omitempty"`
	}
	bal struct {
		Code string  `xml:"Tp>CdOrPrtry>Cd"`
		Amt  money   `xml:"Amt"`
		Sign string  `xml:"CdtDbtInd"`
		At   instant `xml:"Dt"`
	}
	money struct {
		Currency string `xml:"Ccy,attr"`
		Amount   string `xml:",chardata"`
	}
	instant struct {
		At string `xml:"DtTm"`
	}
	ntry struct {
		Ref      string   `xml:"NtryRef"`
		Amt      money    `xml:"Amt"`
		Sign     string   `xml:"CdtDbtInd"`
		Reversal bool     `xml:"RvslInd,omitempty"`
		State    string   `xml:"Sts>Cd"`
		Booked   instant  `xml:"BookgDt"`
		Value    *instant `xml:"ValDt,omitempty"`
		Service  string   `xml:"AcctSvcrRef,omitempty"`
		Code     string   `xml:"BkTxCd>Prtry>Cd"`
		Issuer   string   `xml:"BkTxCd>Prtry>Issr"`
		Details  *details `xml:"NtryDtls>TxDtls,omitempty"`
		Info     string   `xml:"AddtlNtryInf,omitempty"`
	}
	details struct {
		Service string `xml:"Refs>AcctSvcrRef"`
		Amt     money  `xml:"Amt"`
		Sign    string `xml:"CdtDbtInd"`
		Info    string `xml:"AddtlTxInf"`
	}
)

// camt writes the statement as camt.053.001.08, a statement for each asset.
func camt(s wire.AccountStatement) ([]byte, error) {
	d := document{Group: groupHead{reference(s, ""), sheet.Timestamp(s.ServerTime)}}
	for _, of := range assetsOf(s) {
		one, err := stmtOf(s, of)
		if err != nil {
			return nil, err
		}
		d.Stmts = append(d.Stmts, one)
	}
	raw, err := xml.MarshalIndent(d, "", " ")
	return append([]byte(xml.Header), append(raw, '\n')...), err
}

// assetsOf are those of a statement; of an empty one the chain's coin, since the message needs
// a statement.
func assetsOf(s wire.AccountStatement) (all []string) {
	for _, a := range slices.Concat(s.Opening, s.Closing) {
		all = append(all, a.Asset)
	}
	for _, l := range s.Lines {
		all = append(all, l.Asset)
	}
	if n, ok := asset.Chain(s.Account.Chain); ok && len(all) == 0 {
		all = append(all, n.Coin)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// reference is an id of at most 35 characters, which names account, period and asset.
func reference(s wire.AccountStatement, of string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{s.Entity, s.Account.ID, sheet.Timestamp(s.From), sheet.Timestamp(s.To), of}, "\n")))
	return id.FromHash("stm", sum[:])
}

// inFiat reports whether all that the statement says of an asset is valued.
func inFiat(s wire.AccountStatement, of string) bool {
	if s.Currency == "" {
		return false
	}
	for _, a := range slices.Concat(s.Opening, s.Closing) {
		if a.Asset == of && a.Value == nil {
			return false
		}
	}
	return !slices.ContainsFunc(s.Lines, func(l wire.StatementLine) bool { return l.Asset == of && l.Value == nil })
}

// stated writes the amounts of one asset: what it was worth, or, where not all of that was
// recorded, how much it is, to five places.
type stated struct {
	of       string
	currency string
	fiat     bool
}

func statedIn(s wire.AccountStatement, of string) stated {
	if inFiat(s, of) {
		return stated{of, s.Currency, true}
	}
	return stated{of, noCurrency, false}
}

// in is an amount as it is stated, with its sign.
func (st stated) in(quantity string, v *wire.Value) (amount.Amount, error) {
	if st.fiat {
		return amount.Parse(v.Amount)
	}
	a, err := amount.Parse(quantity)
	if a.Sign() < 0 { // towards zero
		return a.Neg().Rescale(min(a.Places(), camtPlaces), amount.Floor).Neg(), err
	}
	return a.Rescale(min(a.Places(), camtPlaces), amount.Floor), err
}

// money is an amount without its sign, which stands beside it.
func (st stated) money(a amount.Amount) (m money, sign string, err error) {
	if sign = "CRDT"; a.Sign() < 0 {
		a, sign = a.Neg(), "DBIT"
	}
	if !st.fiat {
		a = a.Trim()
	}
	text := a.String()
	if len(strings.ReplaceAll(strings.TrimLeft(text, "0."), ".", "")) > camtDigits {
		return m, "", fault.New(fault.Invalid, fmt.Sprintf("camt.053 cannot hold %s %s: its amounts have at most %d digits. CSV and JSON Lines hold it", text, st.of, camtDigits)).With("field", "format")
	}
	return money{st.currency, text}, sign, nil
}

func stmtOf(s wire.AccountStatement, of string) (out stmt, err error) {
	st := statedIn(s, of)
	out = stmt{
		ID: reference(s, of), Made: sheet.Timestamp(s.ServerTime), From: sheet.Timestamp(s.From), To: sheet.Timestamp(s.To),
		Acct: acct{accountID(s.Account.ID), st.currency, limited(s.Account.Name, 70)},
	}
	opening, err := st.balance(s.Opening)
	if err != nil {
		return out, err
	}
	closing, err := st.balance(s.Closing)
	if err != nil {
		return out, err
	}
	caip, sum := "", opening
	for _, l := range s.Lines {
		if l.Asset != of {
			continue
		}
		caip = l.CAIP19
		n, a, err := st.entry(len(out.Ntrys)+1, l)
		if err != nil {
			return out, err
		}
		out.Ntrys, sum = append(out.Ntrys, n), sum.Add(a)
	}
	for _, a := range slices.Concat(s.Opening, s.Closing) {
		if a.Asset == of {
			caip = a.CAIP19
		}
	}
	if rest := closing.Sub(sum); !rest.IsZero() {
		n, err := st.rest(len(out.Ntrys)+1, rest, s.To)
		if err != nil {
			return out, err
		}
		out.Ntrys = append(out.Ntrys, n)
	}
	for _, b := range []struct {
		code string
		a    amount.Amount
		at   time.Time
	}{{"OPBD", opening, s.From}, {"CLBD", closing, s.To}} {
		m, sign, err := st.money(b.a)
		if err != nil {
			return out, err
		}
		out.Bals = append(out.Bals, bal{b.code, m, sign, instant{sheet.Timestamp(b.at)}})
	}
	out.Info = limited(fmt.Sprintf("account=%s chain=%s address=%s asset=%s caip19=%s opening=%s closing=%s amounts=%s", s.Account.ID, s.Account.Chain, s.Account.Address, of, caip,
		quantity(s.Opening, of), quantity(s.Closing, of), map[bool]string{true: "value in " + st.currency, false: "quantity, to 5 places"}[st.fiat]), 500)
	return out, nil
}

// quantity is the exact balance of an asset.
func quantity(all []wire.ValuedAmount, of string) string {
	for _, a := range all {
		if a.Asset == of {
			return a.Amount
		}
	}
	return "0"
}

// balance is the asset's among balances, as it is stated.
func (st stated) balance(all []wire.ValuedAmount) (amount.Amount, error) {
	for _, a := range all {
		if a.Asset == st.of {
			return st.in(a.Amount, a.Value)
		}
	}
	return amount.Amount{}, nil
}

// entry is a line, and what it adds to the balance.
func (st stated) entry(n int, l wire.StatementLine) (ntry, amount.Amount, error) {
	a, err := st.in(l.Amount, l.Value)
	if err != nil {
		return ntry{}, a, err
	}
	m, sign, err := st.money(a)
	if a.IsZero() && strings.HasPrefix(l.Amount, "-") { // less than its amounts can say
		sign = "DBIT"
	}
	e := ntry{
		Ref: strconv.Itoa(n), Amt: m, Sign: sign, Reversal: l.Type == wire.LineReversal, State: "BOOK", Booked: instant{sheet.Timestamp(l.At)}, Service: l.ID,
		Code: strings.ToUpper(l.Type), Issuer: issuer, Info: limited(l.Text, 500),
	}
	if !l.BlockAt.IsZero() {
		e.Value = &instant{sheet.Timestamp(l.BlockAt)}
	}
	e.Details = &details{Service: l.ID, Amt: m, Sign: sign, Info: limited(exactly(l), 500)}
	return e, a, err
}

// issuer is whose codes of transactions they are.
const issuer = "countersign"

// exactly is what the message has no element for.
func exactly(l wire.StatementLine) string {
	parts := []string{"quantity=" + l.Amount, "asset=" + l.Asset, "caip19=" + l.CAIP19}
	for _, p := range [][2]string{{"tx_hash", l.TxHash}, {"counterparty", l.Counterparty}, {"request", l.Request}, {"order", l.Order}, {"reverses", l.Reverses}} {
		if p[1] != "" {
			parts = append(parts, p[0]+"="+p[1])
		}
	}
	if l.Block != nil {
		parts = append(parts, "block="+strconv.FormatInt(*l.Block, 10))
	}
	if l.Index != nil {
		parts = append(parts, "index="+strconv.FormatInt(*l.Index, 10))
	}
	if v := l.Value; v != nil {
		parts = append(parts, "rate="+v.Rate, "rate_source="+v.Source, "rate_time="+sheet.Timestamp(v.At))
	}
	return strings.Join(parts, " ")
}

// rest is the entry that makes opening and entries the closing balance: prices that changed, or
// places that the amounts do not have.
func (st stated) rest(n int, a amount.Amount, at time.Time) (ntry, error) {
	m, sign, err := st.money(a)
	e := ntry{
		Ref: strconv.Itoa(n), Amt: m, Sign: sign, State: "BOOK", Booked: instant{sheet.Timestamp(at)}, Code: "ROUNDING", Issuer: issuer, Info: "Rounding of quantities to 5 places: nothing was moved",
	}
	if st.fiat {
		e.Code, e.Info = "REVALUATION", "Revaluation at the recorded rates: nothing was moved"
	}
	return e, err
}

// accountID names an account in 34 characters; one with a longer id by the hash of it.
func accountID(name string) string {
	if len(name) <= 34 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return id.FromHash(id.Account, sum[:])
}

// limited is a text of at most so many characters.
func limited(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
