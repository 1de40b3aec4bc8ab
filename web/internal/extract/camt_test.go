package extract

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"countersign/shared/amount"
)

// The official schema cannot be shipped. These are the rules of camt.053.001.08 for all that is
// written: which elements stand in which, in their order, which of them there must be, and the
// forms of their texts.

// node is an element of the message.
type node struct {
	name  string
	attrs map[string]string
	text  string
	in    []*node
}

func (n *node) at(path string) *node {
	for name := range strings.SplitSeq(path, ">") {
		i := slices.IndexFunc(n.in, func(c *node) bool { return c.name == name })
		if i < 0 {
			return &node{}
		}
		n = n.in[i]
	}
	return n
}

// children are those of an element, in the order of the schema: name, and ! for one that there
// must be, * for any number, + for at least one.
var children = map[string]string{
	"Document":      "BkToCstmrStmt!",
	"BkToCstmrStmt": "GrpHdr! Stmt+",
	"GrpHdr":        "MsgId! CreDtTm!",
	"Stmt":          "Id! CreDtTm FrToDt Acct! Bal+ Ntry* AddtlStmtInf",
	"FrToDt":        "FrDtTm! ToDtTm!",
	"Acct":          "Id! Ccy Nm",
	"Acct>Id":       "Othr!",
	"Othr":          "Id!",
	"Bal":           "Tp! Amt! CdtDbtInd! Dt!",
	"Tp":            "CdOrPrtry!",
	"CdOrPrtry":     "Cd!",
	"Dt":            "DtTm!",
	"Ntry":          "NtryRef Amt! CdtDbtInd! RvslInd Sts! BookgDt ValDt AcctSvcrRef BkTxCd! NtryDtls* AddtlNtryInf",
	"Sts":           "Cd!",
	"BookgDt":       "DtTm!",
	"ValDt":         "DtTm!",
	"BkTxCd":        "Prtry!",
	"Prtry":         "Cd! Issr",
	"NtryDtls":      "TxDtls*",
	"TxDtls":        "Refs Amt! CdtDbtInd! AddtlTxInf",
	"Refs":          "AcctSvcrRef",
}

// forms are those of texts; what has none here is at most as long as limits say.
var forms = map[string]*regexp.Regexp{
	"Amt":       regexp.MustCompile(`^[0-9]+(\.[0-9]{1,5})?$`),
	"Ccy":       regexp.MustCompile(`^[A-Z]{3}$`),
	"CdtDbtInd": regexp.MustCompile(`^(CRDT|DBIT)$`),
	"RvslInd":   regexp.MustCompile(`^(true|false)$`),
}

var limits = map[string]int{
	"MsgId": 35, "Id": 35, "Othr>Id": 34, "Nm": 70, "NtryRef": 35, "AcctSvcrRef": 35, "Cd": 35, "Issr": 35, "AddtlTxInf": 500, "AddtlNtryInf": 500, "AddtlStmtInf": 500,
}

// message is what is checked of the message beyond its form.
type message struct{ stmts []statementIn }

type statementIn struct {
	currency, opening, closing string
	codes                      []string
}

// validCamt checks a message, and that its opening balance and entries add up to its closing
// balance.
func validCamt(t *testing.T, raw []byte) message {
	t.Helper()
	m, wrong := check(raw)
	for _, w := range wrong {
		t.Error(w)
	}
	if len(wrong) > 0 {
		t.Fatalf("%s", raw)
	}
	return m
}

// checker collects what is wrong with a message.
type checker struct{ wrong []string }

func (c *checker) say(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func check(raw []byte) (m message, wrong []string) {
	root, err := read(raw)
	if err != nil {
		return m, []string{err.Error()}
	}
	c := &checker{}
	if root.name != "Document" || root.attrs["xmlns"] != Namespace {
		c.say("the message is %s of %q", root.name, root.attrs["xmlns"])
	}
	if c.node("", root); len(c.wrong) > 0 {
		return m, c.wrong
	}
	for _, s := range root.in[0].in[1:] {
		out := statementIn{currency: s.at("Acct>Ccy").text}
		sum := amount.Amount{}
		for _, n := range s.in {
			if n.name != "Bal" && n.name != "Ntry" {
				continue
			}
			if got := n.at("Amt").attrs["Ccy"]; got != out.currency {
				c.say("an amount in %q of an account in %q", got, out.currency)
			}
			a := amount.Must(n.at("Amt").text)
			if n.at("CdtDbtInd").text == "DBIT" {
				a = a.Neg()
			}
			switch n.at("Tp>CdOrPrtry>Cd").text {
			case "OPBD":
				out.opening, sum = a.String(), sum.Add(a)
			case "CLBD":
				out.closing, sum = a.String(), sum.Sub(a)
			default:
				out.codes, sum = append(out.codes, n.at("BkTxCd>Prtry>Cd").text), sum.Add(a)
			}
		}
		if !sum.IsZero() {
			c.say("opening balance, entries and closing balance differ by %s", sum)
		}
		m.stmts = append(m.stmts, out)
	}
	return m, c.wrong
}

func read(raw []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	top := &node{}
	open := []*node{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if len(top.in) == 0 {
				return nil, errors.New("it is empty")
			}
			return top.in[0], nil
		}
		if err != nil {
			return nil, err
		}
		now := open[len(open)-1]
		switch x := token.(type) {
		case xml.StartElement:
			n := &node{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			now.in, open = append(now.in, n), append(open, n)
		case xml.CharData:
			now.text += string(x)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

func (c *checker) node(parent string, n *node) {
	want, group := children[parent+">"+n.name]
	if !group {
		want, group = children[n.name]
	}
	if n.name == "Id" && parent != "Acct" {
		group = false
	}
	if !group {
		c.text(parent, n)
		return
	}
	i := 0
	for rule := range strings.FieldsSeq(want) {
		name := strings.TrimRight(rule, "!*+")
		count := 0
		for i < len(n.in) && n.in[i].name == name {
			c.node(n.name, n.in[i])
			i, count = i+1, count+1
		}
		if many := strings.ContainsAny(rule, "*+"); count > 1 && !many || count == 0 && strings.ContainsAny(rule, "!+") {
			c.say("%s has %d times %s", n.name, count, name)
		}
	}
	if i < len(n.in) {
		c.say("%s: %s is not in its place", n.name, n.in[i].name)
	}
}

func (c *checker) text(parent string, n *node) {
	if len(n.in) > 0 {
		c.say("%s has elements", n.name)
	}
	switch most, limited := limits[parent+">"+n.name], limits[n.name] > 0; {
	case strings.HasSuffix(n.name, "DtTm"):
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", n.text); err != nil {
			c.say("%s: %v", n.name, err)
		}
	case forms[n.name] != nil:
		if digits := strings.ReplaceAll(strings.TrimLeft(n.text, "0."), ".", ""); !forms[n.name].MatchString(n.text) || n.name == "Amt" && len(digits) > 18 {
			c.say("%s is %q", n.name, n.text)
		}
		if n.name == "Amt" && !forms["Ccy"].MatchString(n.attrs["Ccy"]) {
			c.say("an amount in %q", n.attrs["Ccy"])
		}
	case most > 0 || limited:
		if most == 0 {
			most = limits[n.name]
		}
		if size := utf8.RuneCountInString(n.text); size < 1 || size > most {
			c.say("%s>%s has %d characters: %q", parent, n.name, size, n.text)
		}
	default:
		c.say("%s>%s is not known", parent, n.name)
	}
}

func TestTheCheckerFindsWhatASchemaWould(t *testing.T) {
	t.Parallel()
	raw := string(file(t, sample(), Camt).Body)
	for name, change := range map[string][2]string{
		"a sign":             {">2500.00<", ">-2500.00<"},
		"six places":         {">2500.00<", ">2500.000001<"},
		"a wrong indicator":  {"<CdtDbtInd>CRDT<", "<CdtDbtInd>CREDIT<"},
		"an unknown element": {"<NtryRef>1</NtryRef>", "<Ref>1</Ref>"},
		"another order":      {"<NtryRef>1</NtryRef>", ""},
		"no such currency":   {`Ccy="EUR"`, `Ccy="euro"`},
	} {
		bad := strings.Replace(raw, change[0], change[1], 1)
		if name == "another order" {
			bad = strings.Replace(bad, "</Ntry>", "<NtryRef>1</NtryRef></Ntry>", 1)
		}
		if _, wrong := check([]byte(bad)); bad == raw || len(wrong) == 0 {
			t.Errorf("%s passes", name)
		}
	}
}
