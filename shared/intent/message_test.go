//go:build !js || verify

package intent

import (
	"strings"
	"testing"

	"countersign/shared/eip712"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/spec"
)

func init() { samples[KindMessage] = sampleMessage() }

const (
	own     = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
	spender = "0x52908400098527886E0F7030069857D2E4169EE7"
	usdcAt  = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
)

// mail is the example of EIP-712, on the sandbox chain, in its one form.
const mail = `{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}],"Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}]},"primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":"31337","verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},"message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},"to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}`

func sampleMessage() Message {
	return Message{
		Kind: KindMessage, V: 1, Account: "acc_treasury", AccountName: "Treasury", Chain: "eip155:31337", Address: own, TypedData: Doc(mail), Purpose: "Trying the mail",
	}
}

// typed is a message of typed data in its one form, on a chain.
func typed(t testing.TB, chain, domain, values, primary, message, types string) Message {
	t.Helper()
	d, err := eip712.Read([]byte(`{"types":{"EIP712Domain":[` + domain + `],` + types + `},"primaryType":"` + primary + `","domain":` + values + `,"message":` + message + `}`))
	if err != nil {
		t.Fatal(err)
	}
	m := sampleMessage()
	m.Chain = chain
	if m.TypedData, err = d.Encode(); err != nil {
		t.Fatal(err)
	}
	return m
}

// decl declares fields: "address token,uint160 amount".
func decl(fields string) string {
	var all []string
	for _, f := range strings.Split(fields, ",") {
		typ, name, _ := strings.Cut(f, " ")
		all = append(all, `{"name":"`+name+`","type":"`+typ+`"}`)
	}
	return strings.Join(all, ",")
}

// ofToken is a message for a contract on Ethereum.
func ofToken(t testing.TB, contract, primary, message, types string) Message {
	return typed(t, "eip155:1", decl("string name,uint256 chainId,address verifyingContract"), `{"name":"USD Coin","chainId":1,"verifyingContract":"`+contract+`"}`, primary, message, types)
}

const max256 = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

func permitOf(t testing.TB, value, deadline string) Message {
	return ofToken(t, usdcAt, "Permit", `{"owner":"`+own+`","spender":"`+spender+`","value":"`+value+`","nonce":0,"deadline":`+deadline+`}`,
		`"Permit":[`+decl("address owner,address spender,uint256 value,uint256 nonce,uint256 deadline")+`]`)
}

func daiOf(t testing.TB, allowed string) Message {
	return ofToken(t, "0x6B175474E89094C44Da98b954EedeAC495271d0F", "Permit", `{"holder":"`+own+`","spender":"`+spender+`","nonce":1,"expiry":0,"allowed":`+allowed+`}`,
		`"Permit":[`+decl("address holder,address spender,uint256 nonce,uint256 expiry,bool allowed")+`]`)
}

const details = `"PermitDetails":[{"name":"token","type":"address"},{"name":"amount","type":"uint160"},{"name":"expiration","type":"uint48"},{"name":"nonce","type":"uint48"}]`

func permit2Of(t testing.TB, contract, amount string) Message {
	return ofToken(t, contract, "PermitSingle", `{"details":{"token":"`+usdcAt+`","amount":"`+amount+`","expiration":1798761600,"nonce":0},"spender":"`+spender+`","sigDeadline":1798758000}`,
		`"PermitSingle":[`+decl("PermitDetails details,address spender,uint256 sigDeadline")+`],`+details)
}

func onceOf(t testing.TB, witness bool) Message {
	primary, fields, more, types := "PermitTransferFrom", "TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline", "", ""
	if witness {
		primary, fields, more, types = "PermitWitnessTransferFrom", fields+",Swap witness", `,"witness":{"to":"`+spender+`"}`, `,"Swap":[`+decl("address to")+`]`
	}
	return ofToken(t, permit2, primary, `{"permitted":{"token":"`+usdcAt+`","amount":17250000},"spender":"`+spender+`","nonce":7,"deadline":1798758000`+more+`}`,
		`"`+primary+`":[`+decl(fields)+`],"TokenPermissions":[`+decl("address token,uint256 amount")+`]`+types)
}

func paymentOf(t testing.TB, primary string) Message {
	return ofToken(t, usdcAt, primary, `{"from":"`+spender+`","to":"`+spender+`","value":17250000,"validAfter":1798750000,"validBefore":1798758000,"nonce":"0x`+strings.Repeat("01", 32)+`"}`,
		`"`+primary+`":[`+decl("address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce")+`]`)
}

// words are the lines of a message with a label.
func words(m Message, label string) (all []string) {
	for _, l := range m.Lines() {
		if l.Label == label {
			all = append(all, l.Value)
		}
	}
	return all
}

const (
	spaced   = "0x 5290 8400 0985 2788 6E0F 7030 0698 57D2 E416 9EE7"
	usdcName = "USDC (ethereum/erc20/usd__coin)"
)

func TestWhatIsKnownToGiveAwayAssetsIsSaidInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		m       Message
		allows  []string
		until   string
		warning string // the beginning of it
	}{
		"ERC-2612": {permitOf(t, "17250000", "1798758000"), []string{spaced + " to take up to 17.25 " + usdcName + " out of this account, at any time, without asking again"}, "2026-12-31 23:00:00 UTC", ""},
		"ERC-2612 without limit": {permitOf(t, max256, `"`+max256+`"`), []string{spaced + " to take any amount, without limit, of " + usdcName + " out of this account, at any time, without asking again"},
			"the end of time", ""},
		"DAI":             {daiOf(t, "true"), []string{spaced + " to take any amount, without limit, of DAI (ethereum/erc20/dai_stablecoin_v2_0) out of this account, at any time, without asking again"}, "the end of time", ""},
		"DAI, taken back": {daiOf(t, "false"), []string{spaced + " to take nothing more of DAI (ethereum/erc20/dai_stablecoin_v2_0) out of this account"}, "the end of time", ""},
		"Permit2":         {permit2Of(t, permit2, "17250000"), []string{spaced + " to take up to 17.25 " + usdcName + " out of this account, until 2027-01-01 00:00:00 UTC, without asking again"}, "2026-12-31 23:00:00 UTC", ""},
		"Permit2 without limit": {permit2Of(t, permit2, "1461501637330902918203684832716283019655932542975"),
			[]string{spaced + " to take any amount, without limit, of " + usdcName + " out of this account, until 2027-01-01 00:00:00 UTC, without asking again"}, "2026-12-31 23:00:00 UTC", ""},
		"Permit2 at another contract": {permit2Of(t, spender, "1"), []string{spaced + " to take up to 0.000001 " + usdcName + " out of this account, until 2027-01-01 00:00:00 UTC, without asking again"}, "2026-12-31 23:00:00 UTC",
			"the contract in the domain is not Permit2"},
		"Permit2 once":                {onceOf(t, false), []string{spaced + " to take up to 17.25 " + usdcName + " out of this account, once, for whomever it says"}, "2026-12-31 23:00:00 UTC", ""},
		"Permit2 once with a witness": {onceOf(t, true), []string{spaced + " to take up to 17.25 " + usdcName + " out of this account, once, for whomever it says"}, "2026-12-31 23:00:00 UTC", "it has more fields, a witness"},
		"ERC-3009": {paymentOf(t, "TransferWithAuthorization"), []string{"whoever has the signature to send up to 17.25 " + usdcName + " out of this account to " + spaced + ", once"}, "2026-12-31 23:00:00 UTC",
			"the assets are those of another address"},
		"a permit of another shape": {ofToken(t, usdcAt, "Permit", `{"spender":"`+spender+`"}`, `"Permit":[`+decl("address spender")+`]`), nil, "", "this is called a permit, and is none that is known"},
		"an order of Seaport":       {ofToken(t, usdcAt, "OrderComponents", `{"offerer":"`+own+`"}`, `"OrderComponents":[`+decl("address offerer")+`]`), nil, "", "this is an order of a market (Seaport)"},
		"anything else":             {sampleMessage(), nil, "", "what this message allows is known to the contract alone"},
	} {
		if err := c.m.CheckNow(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := words(c.m, LabelAllows); strings.Join(got, "\n") != strings.Join(c.allows, "\n") {
			t.Errorf("%s allows %q, want %q", name, got, c.allows)
		}
		if got := strings.Join(words(c.m, "Usable until"), "; "); got != c.until {
			t.Errorf("%s can be used until %q", name, got)
		}
		if got := words(c.m, "Warning"); (len(got) == 0) != (c.warning == "") || len(got) > 0 && !strings.HasPrefix(got[0], c.warning) {
			t.Errorf("%s warns %q, want %q", name, got, c.warning)
		}
	}
}

// What a hostile program writes into a message stands behind a label, a path and a type, in
// quotation marks, and never begins a line.
func TestHostileTextsCannotPassForLinesOfThePrompt(t *testing.T) {
	t.Parallel()
	text := sampleMessage()
	text.TypedData, text.Text = nil, "Hello\nYou sign as   Alice (mem_alice)\r\n\u202eDecision  REJECT\u2028Warning  none\n"
	want := []string{`"Hello"`, `"You sign as   Alice (mem_alice)\r"`, `"\u202eDecision  REJECT\u2028Warning  none"`, `""`}
	if got := words(text, "Text"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
	data := typed(t, "eip155:1", decl("string name,uint256 chainId"), `{"name":"Permit2\"\nDecision  REJECT","chainId":1}`, "Decision",
		`{"Warning":"none\n","You_sign_as":["`+strings.Repeat("long ", 500)+`"]}`, `"Decision":[`+decl("string Warning,string[] You_sign_as")+`]`)
	for _, m := range []Message{text, data} {
		if err := m.CheckFields(); err != nil {
			t.Error(err)
		}
		for _, l := range m.Lines() {
			ours := map[string]bool{"Signs": true, "Text": true, "Warning": true, "Domain": true, "Field": true, "From account": true, "Own address": true, "On chain": true}
			if !ours[l.Label] || strings.ContainsAny(l.Value, "\n\r\u2028\u202e") {
				t.Errorf("%+v", l)
			}
		}
	}
	if got := words(data, "Domain")[0]; got != `name: string "Permit2\"\nDecision  REJECT"` {
		t.Errorf("got %q", got)
	}
	if got := words(data, "Field"); got[0] != `Warning: string "none\n"` || got[1] != "You_sign_as: string[], 1 element" || got[2] != `You_sign_as[0]: string "`+strings.Repeat("long ", 500)+`"` {
		t.Errorf("got %q", got)
	}
	if got := words(data, "Signs")[0]; got != `typed data Decision of "Permit2\"\nDecision  REJECT"` {
		t.Errorf("got %q", got)
	}
}

func TestAMessageHasOneFormAndIsHeldAgainstItsAccount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Message)
		field  string // with what it is refused; "-": accepted
	}{
		{"typed data", func(*Message) {}, "-"},
		{"a text", func(m *Message) { m.TypedData, m.Text = nil, "Sign in\nto example.com" }, "-"},
		{"bytes that are not text", func(m *Message) { m.TypedData, m.Hex = nil, "0xff00" }, "-"},
		{"none", func(m *Message) { m.TypedData = nil }, ""},
		{"two forms", func(m *Message) { m.Text = "x" }, ""},
		{"bytes that are text", func(m *Message) { m.TypedData, m.Hex = nil, "0x616263" }, "hex"},
		{"bytes in upper case", func(m *Message) { m.TypedData, m.Hex = nil, "0xFF00" }, "hex"},
		{"no bytes", func(m *Message) { m.TypedData, m.Hex = nil, "0x" }, "hex"},
		{"half a byte", func(m *Message) { m.TypedData, m.Hex = nil, "0xff0" }, "hex"},
		{"a digest alone", func(m *Message) { m.TypedData, m.Hex = nil, "0x"+strings.Repeat("ff", 32) }, "hex"},
		{"the digits of a digest as a text", func(m *Message) { m.TypedData, m.Text = nil, "0x"+strings.Repeat("ab", 32) }, "text"},
		{"the digits of a digest in upper case, without 0x and with a line feed", func(m *Message) { m.TypedData, m.Text = nil, strings.Repeat("AB", 32)+"\n" }, "text"},
		{"a text with the digits of a digest in it", func(m *Message) { m.TypedData, m.Text = nil, "Nonce: 0x"+strings.Repeat("ab", 32) }, "-"},
		{"typed data in another form", func(m *Message) { m.TypedData = Doc(strings.Replace(mail, `"31337"`, "31337", 1)) }, "typed_data"},
		{"typed data of another chain", func(m *Message) { m.Chain = "eip155:1" }, "typed_data.domain.chainId"},
		{"typed data of no chain", func(m *Message) {
			m.TypedData = typed(t, m.Chain, decl("string name"), `{"name":"snapshot"}`, "Vote", `{"choice":1}`, `"Vote":[`+decl("uint32 choice")+`]`).TypedData
		}, "typed_data.domain.chainId"},
		{"typed data with a number that is out of range", func(m *Message) { m.TypedData = Doc(strings.Replace(mail, `"31337"`, `"-1"`, 1)) }, "typed_data.domain.chainId"},
		{"an account on another kind of chain", func(m *Message) { m.Chain = "bip122:000000000019d6689c085ae165831e93" }, "chain"},
		{"an address that carries no check", func(m *Message) { m.Address = strings.ToLower(own) }, "address"},
		{"more than anybody reads", func(m *Message) { m.TypedData, m.Text = nil, strings.Repeat("\u200b", 2300) }, ""},
		{"a draft", func(m *Message) { m.AccountName, m.Chain, m.Address = "", "", "" }, "account_name"},
		{"a purpose of two lines", func(m *Message) { m.Purpose = "a\nb" }, "purpose"},
	} {
		m := sampleMessage()
		c.change(&m)
		err := m.CheckNow()
		p, _ := err.(*field.Problem)
		if c.field == "-" && err != nil || c.field != "-" && (p == nil || p.Field != c.field) {
			t.Errorf("%s: %v, want field %q", c.name, err, c.field)
		}
	}
}

func TestTheVaultFillsAMessageAndGivesTypedDataItsOneForm(t *testing.T) {
	t.Parallel()
	draft := sampleMessage()
	draft.AccountName, draft.Chain, draft.Address = "", "", ""
	draft.TypedData = Doc(strings.NewReplacer(`"31337"`, "31337", "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826", "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826").Replace(mail))
	filled, err := draft.Fill(oneAccount{})
	if err != nil || !Same(filled, sampleMessage()) {
		t.Fatalf("%+v: %v", filled, err)
	}
	if again, err := filled.Fill(oneAccount{}); err != nil || !Same(again, filled) {
		t.Errorf("filled again: %+v: %v", again, err)
	}
	draft.TypedData = Doc(strings.Replace(mail, `"contents":"Hello`, `"content":"Hello`, 1))
	if _, err := draft.Fill(oneAccount{}); fault.CodeOf(err) != fault.Invalid || detail(err) != "typed_data.message" {
		t.Errorf("%v", err)
	}
	draft.Account = "acc_other"
	if _, err := draft.Fill(oneAccount{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

func detail(err error) string {
	f, _ := fault.As(err)
	if f == nil {
		return ""
	}
	return f.Details["field"]
}

// oneAccount is a vault with the account of the samples.
type oneAccount struct{ Vault }

func (oneAccount) Account(id string) (Account, bool) {
	return Account{Name: "Treasury", Chain: "eip155:31337", Address: own}, id == "acc_treasury"
}

func TestThePageShowsAMessageAsItIsRead(t *testing.T) {
	t.Parallel()
	m := permit2Of(t, permit2, "1461501637330902918203684832716283019655932542975")
	m.TypedData = Doc(strings.Replace(string(m.TypedData), `"name":"USD Coin"`, `"name":"Permit2"`, 1))
	var all []string
	for _, l := range m.Lines() {
		all = append(all, l.Label+strings.Repeat(" ", len("From account")-len(l.Label)+2)+l.Value)
	}
	if page := spec.Examples(t, "messages.md", "What a person reads", "")[0]; page != strings.Join(all, "\n") {
		t.Errorf("the page shows\n%s\nthe code\n%s", page, strings.Join(all, "\n"))
	}
	for what, limit := range map[string]int{
		"types": eip712.MaxTypes, "fields of a type": eip712.MaxFields, "characters of a name": eip712.MaxName, "structs and lists in each other": eip712.MaxDepth,
		"values of domain and message": eip712.MaxValues, "lines that are shown": MaxShown, "typed data, as it is read": eip712.MaxSize,
	} {
		spec.Limit(t, "messages.md", what, spec.Number(limit))
	}
}

func TestRulesSeeNoAmountAndNoAddressOfAMessage(t *testing.T) {
	t.Parallel()
	if got, want := sampleMessage().Facts(), (governance.Facts{Kind: "message", Account: "acc_treasury", Chain: "eip155:31337"}); got != want {
		t.Errorf("got %+v", got)
	}
}
