package statement

import (
	"cmp"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/statement.json"

// vector is one row of shared/spec/vectors/statement.json.
type vector struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"` // approval, initiation, member, address, genesis
	Statement string     `json:"statement"`
	Valid     bool       `json:"valid"`
	Field     string     `json:"field,omitempty"` // that is to blame, where one is
	Code      fault.Code `json:"code,omitempty"`  // of the refusal; absent: STATEMENT_INVALID
	Text      string     `json:"text,omitempty"`  // what a person reads, of a valid approval or initiation
}

const (
	hashA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	hashB = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
	hashC = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
	iat   = 1_795_208_400 // 2026-11-20 21:00:00 UTC
)

func sample() Approval {
	return Approval{
		V: 2, Type: "approval", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Request: "req_aaaaaaaaaaaaaaaaaaaaaaaaaa",
		Step: 1, Decision: Approve, Member: "mem_bob", MemberName: "Bob", Key: hashA,
		GovernedBy: GovernedBy{RuleSet: "acc_treasury", Version: 3, Digest: hashB, Rule: "purchases"},
		Intent: intenttest.Doc(intent.Buy{
			Kind: intent.KindBuy, V: 1, Account: "acc_treasury", AccountName: "Treasury", Provider: "northpay", ProviderName: "NorthPay",
			Fiat: intent.Fiat{Amount: "250.00", Currency: "EUR"}, Crypto: intent.Crypto{Amount: "0.0815", Asset: "ethereum"}, Minimum: "0.0799", Chain: "eip155:31337",
			Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", PaymentMethod: "card", Country: "FR", Quote: "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
		}),
		Nonce: strings.Repeat("0f", 32), IssuedAt: iat, NotBefore: iat - 60, Expires: iat + 540, Channel: hashC, Log: Log{Size: 2, Head: hashA},
	}
}

// sampleInitiation is Bob's signature under the request of [sample].
func sampleInitiation() Initiation {
	a := sample()
	a.Decision = Initiate
	data := must(EncodeDecision(a))
	return must(Decode[Initiation](data))
}

// sampleReview asks a program about the request of [sample], and sampleVerdict answers it.
func sampleReview() Review {
	a := sample()
	return Review{V: 1, Type: "review", Entity: a.Entity, EntityName: a.EntityName, Request: a.Request, Created: a.IssuedAt - 60, Step: 2, Reviewer: "mem_chainwatch",
		Evaluation: strings.Repeat("1f", 32), GovernedBy: a.GovernedBy, Initiator: "mem_alice", InitiatorName: "Alice", Approved: []string{"mem_bob"},
		Recorded: governance.Recorded{Zones: []governance.Zone{{Name: "Europe/Paris", Offset: 3600}}}, Intent: a.Intent, Digest: intent.Digest(a.Intent),
		IssuedAt: a.IssuedAt, Expires: a.IssuedAt + 600, Log: a.Log}
}

func sampleVerdict() Verdict {
	r := sampleReview()
	return r.Answer(governance.Rejects, "the address is on a list", r.IssuedAt+2)
}

// sampleRate says what one Ether is worth.
func sampleRate() Rate {
	return Rate{V: 1, Type: "rate", Entity: sample().Entity, Source: "mem_northrates", Asset: "ethereum", Currency: "EUR", Rate: "2600.333333", At: sample().IssuedAt - 5}
}

// provenRegistration is [sampleRegistration] for a vault that has begun, of a token whose driver
// tells of keys.
func provenRegistration() Registration {
	r := sampleRegistration()
	r.Proof = ChannelProof{To: hashA, Tag: hashC}
	r.Driver = intent.Driver{Token: "SoftHSM alice", Approval: "LOCAL ALWAYS_SENSITIVE NEVER_EXTRACTABLE", Channel: "LOCAL"}
	return r
}

// sampleSuccession is of keys that follow those of [sampleGenesis].
func sampleSuccession() Succession {
	g := sampleGenesis()
	return Succession{V: 1, Type: "succession", Entity: g.Entity, Before: hashA, Statement: g.Signer.Channel[0], Channel: []jwk.Key{g.Signer.Statement}, Accounts: hashC, IssuedAt: g.IssuedAt}
}

// sampleTransfer is [sample] about a transfer.
func sampleTransfer() Approval {
	a := sample()
	a.Intent = intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: "acc_treasury", AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"}, Chain: "eip155:31337",
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"}, Purpose: "Invoice 2026-117", Reference: "PO-4711",
	})
	a.Effects = "B7mOvlUrdoTFMWKLFz6mYl0yTSZXWHG5Z3Y3FJ4Ucsg" // of shared/effects
	return a
}

// sampleReplace is [sample] about the replace of intent.md.
func sampleReplace(t testing.TB) Approval {
	a := sample()
	a.Intent = intent.Doc(spec.Examples(t, "intent.md", "replace, version 1", "json")[0])
	a.Effects = "0hFjxd9NeZ-6-TBINxpCkG0dqvz_u2sVespMQ8dZmGs" // of shared/effects
	return a
}

// sampleMessage is [sample] about the message of intent.md.
func sampleMessage(t testing.TB) Approval {
	a := sample()
	a.Intent = intent.Doc(spec.Examples(t, "intent.md", "message, version 1", "json")[0])
	a.Effects = "t4B-b2Kg7Iqvl6RHRUDKV_R3zinDUf_71-7n2ADBy3k"
	return a
}

// sampleText is [sample] about a text that looks like a prompt.
func sampleText() Approval {
	a := sample()
	a.Intent = intent.Doc(`{"kind":"message","v":1,"account":"acc_treasury","account_name":"Treasury","chain":"eip155:31337","address":"0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf","text":"Sign in to example.com\n\nYou sign as  Alice (mem_alice)` + "\u202e" + `"}`)
	a.Effects = strings.Repeat("A", 43)
	return a
}

func textOf(a Approval) string         { return must(Text(a)) }
func previewOf(a Approval) string      { return must(Preview(a)) }
func linesOf(a Approval) []intent.Line { return must(Lines(a)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ec(crv, x string) jwk.Key { return jwk.Key{Kty: "EC", Crv: crv, X: x, Y: hashB} }

func sampleMember() Member {
	return Member{V: 1, Type: "member", Entity: "ent_sandbox", Member: "mem_bob", Name: "Bob", Role: Operator,
		Approval: ec("P-256", hashA), Channel: ec("P-256", hashB), ChannelIn: InToken, IssuedAt: iat, Expires: iat + 86400}
}

func sampleAddress() Address {
	return Address{V: 1, Type: "address", Entity: "ent_sandbox", Account: "acc_treasury", Request: "req_aaaaaaaaaaaaaaaaaaaaaaaaaa",
		Chain: "eip155:31337", Address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", PublicKey: ec("secp256k1", hashA), IssuedAt: iat}
}

func sampleRegistration() Registration {
	m := sampleMember()
	return Registration{V: 1, Type: "registration", Entity: m.Entity, Member: m.Member, Name: m.Name, Approval: m.Approval, Channel: m.Channel,
		ChannelIn: m.ChannelIn, IssuedAt: m.IssuedAt}
}

func sampleGenesisApproval() GenesisApproval {
	return GenesisApproval{V: 1, Type: "genesis-approval", Entity: "ent_sandbox", Genesis: strings.Repeat("Ag", 21) + "I", Member: "mem_bob",
		Key: strings.Repeat("A", 43), IssuedAt: 1_795_208_400}
}

func sampleGenesis() Genesis {
	m := sampleMember()
	return Genesis{V: 3, Type: "genesis", Entity: "ent_sandbox", EntityName: "Sandbox Ltd", Sandbox: true, AdminRule: AdminRule{Quorum: 1},
		Signer:  SignerKeys{Statement: ec("secp256k1", hashB), Channel: []jwk.Key{ec("secp256k1", hashC), ec("P-256", hashC)}},
		Members: []GenesisMember{{m.Member, m.Name, Admin, m.Approval, m.Channel, m.ChannelIn}},
		Accounts: []GenesisAccount{{Account: "acc_treasury", Name: "Treasury", Chain: "eip155:31337", Address: sampleAddress().Address,
			Rules: governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}}}}}},
		IssuedAt: iat}
}

// layered is a genesis with a trading account below the treasury, which the edit spoils.
func layered(edit func(treasury, trading *GenesisAccount)) Genesis {
	g := sampleGenesis()
	treasury := g.Accounts[0]
	trading := treasury
	treasury.Tier, treasury.Rules = intent.Treasury, governance.Set{Version: 1, Rules: []governance.Rule{{
		Name:  "fund",
		When:  []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer}}}, {Recipient: &governance.Recipient{Children: true, Accounts: []string{"acc_trading"}}}},
		Steps: treasury.Rules.Rules[0].Steps,
	}}}
	trading.Account, trading.Name, trading.Address = "acc_trading", "Trading", "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
	trading.Tier, trading.Parent = intent.Trading, treasury.Account
	edit(&treasury, &trading)
	g.Accounts = []GenesisAccount{treasury, trading}
	return g
}

// negative stands for -P: the same x, another y.
func negative(k jwk.Key) jwk.Key { k.Y = hashC; return k }

// withEve is a genesis with a second member, whose keys differ from Bob's by edit
// alone: the other key is one of her own.
func withEve(edit func(*GenesisMember)) Genesis {
	g := sampleGenesis()
	eve := g.Members[0]
	eve.Member, eve.Name = "mem_eve", "Eve"
	own := eve
	own.Approval.X, own.Channel.X = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM", "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"
	changed := eve
	edit(&changed)
	if changed.Approval == eve.Approval {
		changed.Approval = own.Approval
	}
	if changed.Channel == eve.Channel {
		changed.Channel = own.Channel
	}
	g.Members = append(g.Members, changed)
	return g
}

// refused lists single changes that no reader may accept.
// changing makes an approval one of what changes the vault, which its intent is.
func changing(a *Approval) {
	a.GovernedBy.RuleSet, a.GovernedBy.Version, a.GovernedBy.Rule = governance.Admin, 1, "administrators"
	impact := Summarize(a.Key, 17, []string{"17 of 4,210 past requests would have been denied", "3 open requests need 1 more approval",
		"Bob alone could now move up to 40,000 EUR a day in purchases of Treasury, at most 1,000 in one request"})
	a.Impact = &impact
}

// impact edits the impact of an approval of a change.
func impact(edit func(*Impact)) func(*Approval) {
	return func(a *Approval) {
		a.Intent = intent.Doc(groupPut)
		changing(a)
		edit(a.Impact)
	}
}

const groupPut = `{"kind":"group.put","v":1,"group":"grp_officers","from_version":0,"name":"Officers","members":[{"member":"mem_bob","name":"Bob"}]}`

func refused() []struct {
	name  string
	edit  func(*Approval)
	field string
} {
	return []struct {
		name  string
		edit  func(*Approval)
		field string
	}{
		{"another version", func(a *Approval) { a.V = 1 }, "v"},
		{"a purchase that says what it changes", func(a *Approval) { m := Summarize(a.Key, 1, nil); a.Impact = &m }, "impact"},
		{"a change that does not say what it does", func(a *Approval) { impact(func(*Impact) {})(a); a.Impact = nil }, "impact"},
		{"an impact of no report", impact(func(m *Impact) { m.Report = "" }), "impact.report"},
		{"an impact over no log", impact(func(m *Impact) { m.Log = 0 }), "impact.log"},
		{"an impact of thirteen sentences", impact(func(m *Impact) { m.Summary = slices.Repeat([]string{"x"}, 13) }), "impact.summary"},
		{"an impact that fills the screen", impact(func(m *Impact) { m.Summary[0] = strings.Repeat("x", 9000) }), "impact.summary"},
		{"an impact that breaks the line", impact(func(m *Impact) { m.Summary[1] = "nothing changes\nReport" }), "impact.summary.1"},
		{"an impact that turns the text around", impact(func(m *Impact) { m.Summary[0] = "nothing\u202e changes" }), "impact.summary.0"},
		{"an impact with an empty sentence", impact(func(m *Impact) { m.Summary[0] = "" }), "impact.summary.0"},
		{"an impact that leaves out fewer than none", impact(func(m *Impact) { m.More = -1 }), "impact.more"},
		{"another type", func(a *Approval) { a.Type = "transfer" }, "type"},
		{"an entity of another kind", func(a *Approval) { a.Entity = "acc_sandbox" }, "entity"},
		{"an entity name with a line feed", func(a *Approval) { a.EntityName = "Sandbox\nLtd" }, "entity_name"},
		{"an entity name that turns the text around", func(a *Approval) { a.EntityName = "Sandbox\u202eLtd" }, "entity_name"},
		{"a zero-width space in a name", func(a *Approval) { a.MemberName = "B\u200bob" }, "member_name"},
		{"a no-break space in a name", func(a *Approval) { a.MemberName = "B\u00a0ob" }, "member_name"},
		{"a name that fills the screen", func(a *Approval) { a.EntityName = strings.Repeat("x", 65) }, "entity_name"},
		{"a Hangul filler in a name", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.ProviderName = "NorthPay\u3164" })
		}, "intent.provider_name"},
		{"Braille blanks in a name", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.AccountName = "Treasury\u2800\u2800You pay" })
		}, "intent.account_name"},
		{"a pile of combining marks in a name", func(a *Approval) { a.MemberName = "Bo\u0300\u0301\u0302\u0303b" }, "member_name"},
		{"a name in two directions", func(a *Approval) { a.MemberName = "Bob בוב" }, "member_name"},
		{"a rule with two spaces", func(a *Approval) { a.GovernedBy.Rule = "two  of three" }, "governed_by.rule"},
		{"a name of spaces", func(a *Approval) { a.EntityName = "  " }, "entity_name"},
		{"two spaces that push text away", func(a *Approval) { a.EntityName = "Sandbox  Ltd" }, "entity_name"},
		{"a request in capitals", func(a *Approval) { a.Request = "req_AAAA" }, "request"},
		{"an approval that is usable for a blink", func(a *Approval) { a.GovernedBy.UseWithin = 1 }, "governed_by.use_within"},
		{"an approval that is usable for a year", func(a *Approval) { a.GovernedBy.UseWithin = 366 * 86400 }, "governed_by.use_within"},
		{"step 0", func(a *Approval) { a.Step = 0 }, "step"},
		{"step 17", func(a *Approval) { a.Step = 17 }, "step"},
		{"a decision in small letters", func(a *Approval) { a.Decision = "approve" }, "decision"},
		{"no member", func(a *Approval) { a.Member = "" }, "member"},
		{"a short key", func(a *Approval) { a.Key = hashA[:42] }, "key"},
		{"a key with bits left over", func(a *Approval) { a.Key = hashA[:42] + "B" }, "key"},
		{"the rules of another account", func(a *Approval) { a.GovernedBy.RuleSet = "acc_ops" }, "governed_by.rule_set"},
		{"rules without an account", func(a *Approval) { a.GovernedBy.RuleSet = "" }, "governed_by.rule_set"},
		{"an approval that would initiate", func(a *Approval) { a.Decision = Initiate }, "decision"},
		{"an initiator of another kind", func(a *Approval) { a.Initiator, a.InitiatorName = "ent_alice", "Alice" }, "initiator"},
		{"an initiator without a name", func(a *Approval) { a.Initiator = "mem_alice" }, "initiator_name"},
		{"a name of no initiator", func(a *Approval) { a.InitiatorName = "Alice" }, "initiator"},
		{"rule version 0", func(a *Approval) { a.GovernedBy.Version = 0 }, "governed_by.version"},
		{"an intent of another version", func(a *Approval) { a.Intent = intent.Doc(strings.Replace(string(a.Intent), `"v":1`, `"v":2`, 1)) }, "intent.kind"},
		{"an intent whose kind is not first", func(a *Approval) {
			a.Intent = intent.Doc(strings.Replace(string(a.Intent), `"kind":"buy","v":1`, `"v":1,"kind":"buy"`, 1))
		}, "intent.kind"},
		{"an intent with a field of no kind", func(a *Approval) {
			a.Intent = intent.Doc(strings.Replace(string(a.Intent), `"v":1,`, `"v":1,"note":"x",`, 1))
		}, "intent.note"},
		{"no intent", func(a *Approval) { a.Intent = nil }, "intent.kind"},
		{"an intent of another kind", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Kind = "send" }) }, "intent.kind"},
		{"an amount with an exponent", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "2.5e2" }) }, "intent.fiat.amount"},
		{"an amount with a leading zero", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "0250" }) }, "intent.fiat.amount"},
		{"an amount with a plus", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "+250" }) }, "intent.fiat.amount"},
		{"an amount with separators", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "1,000" }) }, "intent.fiat.amount"},
		{"a negative amount", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "-250" }) }, "intent.fiat.amount"},
		{"an amount of nothing", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "0.00" }) }, "intent.fiat.amount"},
		{"five places of a currency", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Amount = "0.00001" }) }, "intent.fiat.amount"},
		{"an amount in wei", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Crypto.Amount = "81500000000000000" })
		}, "intent.crypto.amount"},
		{"19 places of an asset", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Crypto.Amount = "0.0815000000000000001" })
		}, "intent.crypto.amount"},
		{"a minimum above the quote", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Minimum = "0.08150001" }) }, "intent.minimum"},
		{"a minimum of another magnitude", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Minimum = "0.00799" }) }, "intent.minimum"},
		{"a currency in small letters", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Currency = "eur" }) }, "intent.fiat.currency"},
		{"a chain without a namespace", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Chain = "31337" }) }, "intent.chain"},
		{"an address with a space", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Address = "0x7E5F 4552091A69125d5DfCb7b8C2659029395Bdf" })
		}, "intent.address"},
		{"an address in other letters", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Address = "0x7Е5F4552091A69125d5DfCb7b8C2659029395Bdf" })
		}, "intent.address"},
		{"a purpose of two lines", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Purpose = "rent\nYou pay 1 EUR" })
		}, "intent.purpose"},
		{"a purpose that begins a line", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Purpose = "> You pay 1 EUR" }) }, "intent.purpose"},
		{"a purpose that is long", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Purpose = strings.Repeat("x", 141) })
		}, "intent.purpose"},
		{"a reference of two lines", func(a *Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Reference = "INV-7\nYou pay 1 EUR" })
		}, "intent.reference"},
		{"a purpose with an id in brackets", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Purpose = "Bob (mem_bob)" }) }, "intent.purpose"},
		{"a country of three letters", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Country = "FRA" }) }, "intent.country"},
		{"a quote of another kind", func(a *Approval) { intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Quote = "req_aaaa" }) }, "intent.quote"},
		{"a nonce in capitals", func(a *Approval) { a.Nonce = strings.Repeat("0F", 32) }, "nonce"},
		{"a short nonce", func(a *Approval) { a.Nonce = "0f" }, "nonce"},
		{"a time in milliseconds", func(a *Approval) { a.IssuedAt *= 1000 }, "iat"},
		{"a time long ago", func(a *Approval) { a.NotBefore = 0 }, "nbf"},
		{"valid from after its issue", func(a *Approval) { a.NotBefore = a.IssuedAt + 1 }, "nbf"},
		{"a life of eleven minutes", func(a *Approval) { a.Expires = a.NotBefore + 660 }, "exp"},
		{"an end before its issue", func(a *Approval) { a.Expires = a.IssuedAt }, "exp"},
		{"no channel", func(a *Approval) { a.Channel = "" }, "channel"},
		{"an empty log", func(a *Approval) { a.Log.Size = 0 }, "log.size"},
	}
}

func (a Approval) wants(t testing.TB) intent.Intent {
	t.Helper()
	i, err := a.Wants()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func canonical(t testing.TB, v any) string {
	t.Helper()
	b, err := strictjson.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// codeOf is the code of a refusal that is not STATEMENT_INVALID.
func codeOf(a Approval) fault.Code {
	if _, err := Encode(a); fault.CodeOf(err) != fault.StatementInvalid {
		return fault.CodeOf(err)
	}
	return ""
}

func vectors(t testing.TB) []vector {
	t.Helper()
	good := canonical(t, sample())
	rejection := sample()
	rejection.Decision = Reject
	brackets := sample()
	intenttest.Edit(&brackets.Intent, func(b *intent.Buy) {
		b.Provider, b.ProviderName, b.AccountName = "evil", "Evil (northpay)", `A "B" （C）`
	})
	withPurpose := sample()
	intenttest.Edit(&withPurpose.Intent, func(b *intent.Buy) { b.Purpose = `Payroll of November, "urgent"`; b.Reference = "PAY-2026-11" })
	sent := sample()
	sent.Initiator, sent.InitiatorName = "mem_alice", "Alice"
	initiation := canonical(t, sampleInitiation())
	transferred := sampleInitiation()
	transferred.Intent = sampleTransfer().Intent
	replaced := sampleInitiation()
	replaced.Intent = sampleReplace(t).Intent
	faster := sampleReplace(t)
	intenttest.Edit(&faster.Intent, func(x *intent.Replace) { x.Action = intent.SpeedUp })
	faster.Effects = "vNjKI44FoKgY0R1PnwUL5rxlyeuKxMww5yO2_JNSifM"
	said := sampleInitiation()
	said.Intent = sampleText().Intent
	all := []vector{
		{"an approval", "approval", good, true, "", "", textOf(sample())},
		{"names with brackets and quotation marks", "approval", canonical(t, brackets), true, "", "", textOf(brackets)},
		{"a transfer", "approval", canonical(t, sampleTransfer()), true, "", "", textOf(sampleTransfer())},
		{"a cancellation", "approval", canonical(t, sampleReplace(t)), true, "", "", textOf(sampleReplace(t))},
		{"a speed-up", "approval", canonical(t, faster), true, "", "", textOf(faster)},
		{"an initiation of a cancellation", "initiation", canonical(t, replaced), true, "", "", textOf(replaced.decision())},
		{"a message, typed data", "approval", canonical(t, sampleMessage(t)), true, "", "", textOf(sampleMessage(t))},
		{"a message, a text that looks like a prompt", "approval", canonical(t, sampleText()), true, "", "", textOf(sampleText())},
		{"an initiation of a message", "initiation", canonical(t, said), true, "", "", textOf(said.decision())},
		{"a purpose and a reference", "approval", canonical(t, withPurpose), true, "", "", textOf(withPurpose)},
		{"a rejection", "approval", canonical(t, rejection), true, "", "", textOf(rejection)},
		{"an approval of what a member signed and sent", "approval", canonical(t, sent), true, "", "", textOf(sent)},
		{"an initiation", "initiation", initiation, true, "", "", textOf(sampleInitiation().decision())},
		{"an initiation of a transfer", "initiation", canonical(t, transferred), true, "", "", textOf(transferred.decision())},
		{"a certificate", "member", canonical(t, sampleMember()), true, "", "", ""},
		{"an address attestation", "address", canonical(t, sampleAddress()), true, "", "", ""},
		{"a genesis", "genesis", canonical(t, sampleGenesis()), true, "", "", ""},
		{"a review", "review", canonical(t, sampleReview()), true, "", "", ""},
		{"a verdict", "verdict", canonical(t, sampleVerdict()), true, "", "", ""},
		{"a rate", "rate", canonical(t, sampleRate()), true, "", "", ""},
		{"a genesis with layered accounts", "genesis", canonical(t, layered(func(_, _ *GenesisAccount) {})), true, "", "", ""},
		{"a registration", "registration", canonical(t, sampleRegistration()), true, "", "", ""},
		{"a registration that proves the channel key, and what the driver says", "registration", canonical(t, provenRegistration()), true, "", "", ""},
		{"a succession", "succession", canonical(t, sampleSuccession()), true, "", "", ""},
		{"an approval of a genesis", "genesis-approval", canonical(t, sampleGenesisApproval()), true, "", "", ""},
	}
	for _, kind := range intent.Kinds() {
		a, i := sample(), sampleInitiation()
		a.Intent = intent.Doc(spec.Examples(t, "intent.md", kind+", version 1", "json")[0])
		if i.Intent = a.Intent; a.wants(t).Facts().Account != "" {
			continue // as above
		}
		changing(&a)
		i.GovernedBy = a.GovernedBy
		all = append(all, vector{"an approval of a " + kind, "approval", canonical(t, a), true, "", "", textOf(a)},
			vector{"an initiation of a " + kind, "initiation", canonical(t, i), true, "", "", textOf(i.decision())})
	}
	for _, r := range refused() {
		a := sample()
		r.edit(&a)
		all = append(all, vector{r.name, "approval", canonical(t, a), false, r.field, codeOf(a), ""})
	}
	for _, r := range []struct{ name, kind, text, field string }{
		{"white space", "approval", strings.Replace(good, ",", ", ", 1), ""},
		{"a line feed at the end", "approval", good + "\n", ""},
		{"fields in another order", "approval", strings.Replace(good, `"v":2,"type":"approval"`, `"type":"approval","v":2`, 1), ""},
		{"an escape that JSON does not need", "approval", strings.Replace(good, "Treasury", `\u0054reasury`, 1), "intent"},
		{"an unknown field", "approval", strings.Replace(good, "{", `{"note":"x",`, 1), "note"},
		{"a field twice", "approval", strings.Replace(good, `"step":1`, `"step":1,"step":1`, 1), "step"},
		{"a field in another case", "approval", strings.Replace(good, `"step"`, `"Step"`, 1), "Step"},
		{"a missing field", "approval", strings.Replace(good, `"step":1,`, "", 1), ""},
		{"a number as text", "approval", strings.Replace(good, `"step":1`, `"step":"1"`, 1), "step"},
		{"a number with an exponent", "approval", strings.Replace(good, `"step":1`, `"step":1e0`, 1), "step"},
		{"an amount as a number", "approval", strings.Replace(good, `"250.00"`, `250.00`, 1), "intent.fiat.amount"},
		{"null", "approval", "null", ""},
		{"two statements", "approval", good + good, ""},
		{"a certificate as an approval", "approval", canonical(t, sampleMember()), "name"},
		{"an approval as a certificate", "member", good, "entity_name"},
		{"nothing", "approval", "", ""},
		{"an approval as an initiation", "initiation", good, "step"},
		{"an initiation as an approval", "approval", initiation, ""},
		{"an initiation of another version", "initiation", strings.Replace(initiation, `"v":1`, `"v":2`, 1), "v"},
		{"an initiation with a decision", "initiation", strings.Replace(initiation, `"member":`, `"decision":"APPROVE","member":`, 1), "decision"},
		{"an initiation with an initiator", "initiation", strings.Replace(initiation, `"intent":`, `"initiator":"mem_alice","initiator_name":"Alice","intent":`, 1), "initiator"},
		{"an initiation of another account's rules", "initiation", strings.Replace(initiation, `"rule_set":"acc_treasury"`, `"rule_set":"acc_ops"`, 1), "governed_by.rule_set"},
		{"an initiation that lives an hour", "initiation", strings.Replace(initiation, `"exp":1795208940`, `"exp":1795212000`, 1), "exp"},
		{"a review of another intent than it names", "review", strings.Replace(canonical(t, sampleReview()), `"digest":"`+sampleReview().Digest, `"digest":"`+hashA, 1), "digest"},
		{"a review that waits for an hour", "review", strings.Replace(canonical(t, sampleReview()), `"exp":1795209000`, `"exp":1795212000`, 1), "exp"},
		{"a review by nobody", "review", strings.Replace(canonical(t, sampleReview()), "mem_chainwatch", "chainwatch", 1), "reviewer"},
		{"a verdict of a word of its own", "verdict", strings.Replace(canonical(t, sampleVerdict()), `"REJECT"`, `"OK"`, 1), "verdict"},
		{"a verdict without an evaluation", "verdict", strings.Replace(canonical(t, sampleVerdict()), strings.Repeat("1f", 32), "", 1), "evaluation"},
		{"a verdict whose reason breaks the line", "verdict", strings.Replace(canonical(t, sampleVerdict()), "on a list", `on\na list`, 1), "reason"},
		{"a verdict about the intent itself", "verdict", strings.Replace(canonical(t, sampleVerdict()), `"intent":"`+sampleReview().Digest+`"`, `"intent":{}`, 1), "intent"},
		{"a rate of nothing", "rate", strings.Replace(canonical(t, sampleRate()), `"2600.333333"`, `"0"`, 1), "rate"},
		{"a rate with an exponent", "rate", strings.Replace(canonical(t, sampleRate()), `"2600.333333"`, `"26e2"`, 1), "rate"},
		{"a rate that is a number", "rate", strings.Replace(canonical(t, sampleRate()), `"2600.333333"`, `2600`, 1), "rate"},
		{"a rate beyond any", "rate", strings.Replace(canonical(t, sampleRate()), `"2600.333333"`, `"1000000000000000000"`, 1), "rate"},
		{"a rate in an asset", "rate", strings.Replace(canonical(t, sampleRate()), `"EUR"`, `"bitcoin"`, 1), "currency"},
		{"a rate by nobody", "rate", strings.Replace(canonical(t, sampleRate()), "mem_northrates", "northrates", 1), "source"},
		{"a rate in milliseconds", "rate", strings.Replace(canonical(t, sampleRate()), `"at":1795208395`, `"at":1795208395000`, 1), "at"},
		{"a registration whose proof has no tag", "registration", strings.Replace(canonical(t, provenRegistration()), `"tag":"`+hashC, `"tag":"`, 1), "channel_proof.tag"},
		{"a registration whose driver says more than one says", "registration", strings.Replace(canonical(t, provenRegistration()), `"channel":"LOCAL"}`, `"channel":"CERTIFIED"}`, 1), "driver.channel"},
		{"a registration whose driver says it in another order", "registration", strings.Replace(canonical(t, provenRegistration()), `LOCAL ALWAYS_SENSITIVE NEVER`, `ALWAYS_SENSITIVE LOCAL NEVER`, 1), "driver.approval"},
		{"a succession with one key for both purposes", "succession", canonical(t, func() Succession {
			s := sampleSuccession()
			s.Channel = []jwk.Key{negative(s.Statement)}
			return s
		}()), "channel"},
		{"a succession without the key before", "succession", strings.Replace(canonical(t, sampleSuccession()), `"before":"`+hashA, `"before":"`, 1), "before"},
		{"a registration with one key for both purposes", "registration", strings.Replace(canonical(t, sampleRegistration()), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\",\"y\":\"AQ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AQ", 1), "channel"},
		{"an approval of a genesis without its digest", "genesis-approval", strings.Replace(canonical(t, sampleGenesisApproval()), "Ag", "", 1), "genesis"},
		{"an approval of a genesis by nobody", "genesis-approval", strings.Replace(canonical(t, sampleGenesisApproval()), "mem_bob", "bob", 1), "member"},
		{"two members with the keys P and -P", "genesis", canonical(t, withEve(func(m *GenesisMember) { m.Approval = negative(m.Approval) })), "members.mem_eve.approval"},
		{"a member with the negative of the vault's channel key", "genesis",
			canonical(t, withEve(func(m *GenesisMember) { m.Channel = negative(sampleGenesis().Signer.Channel[1]) })), "members.mem_eve.channel"},
		{"an account of an unknown tier", "genesis", canonical(t, layered(func(_, a *GenesisAccount) { a.Tier = "MAIN" })), "accounts.acc_trading.tier"},
		{"an account whose parent is not in the vault", "genesis", canonical(t, layered(func(_, a *GenesisAccount) { a.Parent = "acc_other" })), "accounts.acc_trading.parent"},
		{"an account whose parent is on another chain", "genesis", canonical(t, layered(func(_, a *GenesisAccount) { a.Chain = "eip155:1" })), "accounts.acc_trading.parent"},
		{"two accounts that fund each other", "genesis", canonical(t, layered(func(a, _ *GenesisAccount) { a.Parent = "acc_trading" })), "accounts.acc_treasury.parent"},
		{"a rule about an account that is not in the vault", "genesis",
			canonical(t, layered(func(a, _ *GenesisAccount) { a.Rules.Rules[0].When[1].Recipient.Accounts[0] = "acc_other" })), "accounts.acc_treasury.rules"},
		{"a certificate for the keys P and -P", "member", strings.Replace(canonical(t, sampleMember()),
			canonical(t, sampleMember().Channel), canonical(t, negative(sampleMember().Approval)), 1), "channel"},
	} {
		all = append(all, vector{r.name, r.kind, r.text, false, r.field, "", ""})
	}
	return all
}

func decode(kind string, data []byte) (back []byte, text string, err error) {
	switch kind {
	case "approval":
		a, err := Decode[Approval](data)
		if err != nil {
			return nil, "", err
		}
		back, err = Encode(a)
		return back, textOf(a), err
	case "initiation":
		i, err := Decode[Initiation](data)
		if err != nil {
			return nil, "", err
		}
		back, err = Encode(i)
		return back, textOf(i.decision()), err
	case "member":
		return again[Member](data)
	case "address":
		return again[Address](data)
	case "review":
		return again[Review](data)
	case "verdict":
		return again[Verdict](data)
	case "rate":
		return again[Rate](data)
	case "registration":
		return again[Registration](data)
	case "succession":
		return again[Succession](data)
	case "genesis-approval":
		return again[GenesisApproval](data)
	}
	return again[Genesis](data)
}

func again[T Statement](data []byte) ([]byte, string, error) {
	s, err := Decode[T](data)
	if err != nil {
		return nil, "", err
	}
	back, err := Encode(s)
	return back, "", err
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	for _, v := range spec.Vectors(t, vectorFile, *update, vectors(t)) {
		back, text, err := decode(v.Kind, []byte(v.Statement))
		if !v.Valid {
			f, ok := fault.As(err)
			if !ok || f.Code != cmp.Or(v.Code, fault.StatementInvalid) || f.Details["field"] != v.Field {
				t.Errorf("%s: %v, want field %q", v.Name, err, v.Field)
			}
			continue
		}
		if err != nil || string(back) != v.Statement || text != v.Text {
			t.Errorf("%s: %v\n%s\n%s", v.Name, err, back, text)
		}
	}
}

// TestEachKindHasAPromptThatWasReadOver walks the table of kinds: the vectors hold what a
// person reads before they approve one of each kind, and before they ask for it.
func TestEachKindHasAPromptThatWasReadOver(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	for _, v := range vectors(t) {
		if !v.Valid || v.Text == "" {
			continue
		}
		a, err := DecodeDecision([]byte(v.Statement))
		if err != nil {
			t.Fatal(err)
		}
		wants, err := a.Wants()
		if err != nil {
			t.Fatal(err)
		}
		read[v.Kind+" of "+wants.Facts().Kind] = true
	}
	for _, kind := range intent.Kinds() {
		for _, of := range []string{"approval of ", "initiation of "} {
			if !read[of+kind] {
				t.Errorf("no vector has the text of an %s%s", of, kind)
			}
		}
	}
}

func TestPurposeAndReferenceAreSignedAndShownAsTheAskersWords(t *testing.T) {
	t.Parallel()
	a := sample()
	intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Purpose = `Payroll of November, "urgent"`; b.Reference = "PAY-2026-11" })
	if text := textOf(a); !strings.Contains(text, "\nAsked by      Sandbox Ltd (ent_sandbox); which person is not proven\nFor           \"Payroll of November, 'urgent'\"\nReference     \"PAY-2026-11\"\nYou sign as ") {
		t.Error(text)
	}
	if data := canonical(t, a); !strings.Contains(data, `"purpose":"Payroll of November, \"urgent\"","reference":"PAY-2026-11"}`) {
		t.Error(data)
	}
	text, err := ListText([]Approval{a, purchases()[1]}, 2)
	if err != nil || strings.Count(text, "\nFor   ") != 1 || !strings.Contains(text, "(eip155:31337)\nFor           \"Payroll of November, 'urgent'\"\nReference     \"PAY-2026-11\"\nRequest ") {
		t.Errorf("%v\n%s", err, text)
	}
}

// What stands last, outside quotation marks, is the id.
func TestANameWithBracketsOfItsOwnPassesForNoID(t *testing.T) {
	t.Parallel()
	a := sample()
	for of, want := range map[string]string{"Evil (northpay)": `"Evil (northpay)" (evil)`, `Evil" (northpay) "x`: `"Evil' (northpay) 'x" (evil)`, "Evil （northpay）": `"Evil （northpay）" (evil)`, "Evil [northpay]": `"Evil [northpay]" (evil)`, "Evil": "Evil (evil)"} {
		intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Provider, b.ProviderName = "evil", of })
		for _, text := range []string{textOf(a), mustList(t, a)} {
			if !strings.Contains(text, "From          "+want+"\n") {
				t.Errorf("%s:\n%s", of, text)
			}
		}
	}
}

func mustList(t *testing.T, a Approval) string {
	t.Helper()
	text, err := ListText([]Approval{a}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheNameOfARulePassesForNoVersion(t *testing.T) {
	a := sample()
	a.GovernedBy.Rule, a.GovernedBy.Version = "two, version 9", 1
	text, err := Text(a)
	if err != nil || !strings.Contains(text, "Rule          \"two, version 9\", version 1\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestTheTextIsReadable(t *testing.T) {
	t.Parallel()
	want := strings.TrimPrefix(`
Decision      APPROVE this purchase
You pay       250.00 EUR by card, FR
You get       0.0815 ETH (ethereum)
Minimum       0.0799 ETH (ethereum)
From          NorthPay (northpay)
Into account  Treasury (acc_treasury)
To address    0x 7E5F 4552 091A 6912 5d5D fCb7 b8C2 6590 2939 5Bdf
On chain      Sandbox chain (eip155:31337)
Request       req_aaaaaaaaaaaaaaaaaaaaaaaaaa
Rule          purchases, version 3
Usable for    24 hours after the last approval
Asked by      Sandbox Ltd (ent_sandbox); which person is not proven
You sign as   Bob (mem_bob), at step 1
With key      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
Valid until   2026-11-20 21:09:00 UTC`, "\n")
	if got := textOf(sample()); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestAmountsAssetsAndChainsAreNamedForPeopleAndByTheirIDs(t *testing.T) {
	t.Parallel()
	a := sample()
	intenttest.Edit(&a.Intent, func(b *intent.Buy) {
		b.Fiat, b.Crypto = intent.Fiat{Amount: "2500000.00", Currency: "EUR"}, intent.Crypto{Amount: "1234567.000001", Asset: "ethereum/erc20/usd__coin"}
		b.Minimum, b.Chain = "1200000", "eip155:1"
	})
	text := textOf(a)
	for _, want := range []string{"\nYou pay       2 500 000.00 EUR by card, FR\n", "\nYou get       1 234 567.000001 USDC (ethereum/erc20/usd__coin)\n",
		"\nMinimum       1 200 000 USDC (ethereum/erc20/usd__coin)\n", "\nOn chain      Ethereum (eip155:1)\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Crypto.Asset, b.Chain = "moon/erc20/cheese", "eip155:999" })
	text = textOf(a)
	for _, want := range []string{"\nYou get       1 234 567.000001 moon/erc20/cheese\n", "\nOn chain      eip155:999\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("what is not known: no %q in\n%s", want, text)
		}
	}
}

func TestAPreviewIsTheSameForEveryMemberAtAnyTime(t *testing.T) {
	t.Parallel()
	a, b := sample(), sample()
	b.Member, b.MemberName, b.Key, b.Step = "mem_carol", "Carol", hashB, 2
	b.Expires, b.Nonce, b.Log.Size, b.Channel = iat+900, strings.Repeat("1", 64), 7, hashA
	if textOf(a) == textOf(b) || previewOf(a) != previewOf(b) {
		t.Errorf("the previews differ:\n%s\n%s", previewOf(a), previewOf(b))
	}
	text, preview := strings.Split(textOf(a), "\n"), strings.Split(previewOf(a), "\n")
	for i, l := range linesOf(a) {
		if same := text[i] == preview[i]; same == l.Varies || l.Varies && !strings.HasSuffix(preview[i], unasked) {
			t.Errorf("%q is previewed as %q", text[i], preview[i])
		}
	}
	b = sample()
	intenttest.Edit(&b.Intent, func(b *intent.Buy) { b.Minimum = "0.0798" })
	if previewOf(a) == previewOf(b) {
		t.Error("another minimum has the same preview")
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Unix(iat+10, 0)
	want := Want{Entity: "ent_sandbox", Request: sample().Request, Step: 1, Decision: Approve, Member: "mem_bob", Key: hashA, Channel: hashC, Nonce: sample().Nonce, Now: now}
	if err := Check(sample(), want); err != nil {
		t.Fatal(err)
	}
	for field, f := range map[string]func(*Want){
		"entity": func(w *Want) { w.Entity = "ent_other" }, "request": func(w *Want) { w.Request = "req_other" },
		"step": func(w *Want) { w.Step = 2 }, "decision": func(w *Want) { w.Decision = Reject }, "member": func(w *Want) { w.Member = "mem_eve" },
		"key": func(w *Want) { w.Key = hashB }, "channel": func(w *Want) { w.Channel = hashA }, "nonce": func(w *Want) { w.Nonce = "00" },
		"nbf": func(w *Want) { w.Now = now.Add(-3 * time.Minute) }, "exp": func(w *Want) { w.Now = now.Add(9 * time.Minute) },
	} {
		w := want
		f(&w)
		err, ok := fault.As(Check(sample(), w))
		if !ok || err.Code != fault.StatementInvalid || err.Details["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
		if byClock := field == "nbf" || field == "exp"; ok && byClock != strings.Contains(err.Message, "check the clocks") {
			t.Errorf("%s: the message %q sends people to the clocks or not, wrongly", field, err.Message)
		}
	}
}

func TestAGenesisIsConsistent(t *testing.T) {
	t.Parallel()
	for field, f := range map[string]func(*Genesis){
		"members": func(g *Genesis) { g.Members = nil },
		"members.mem_bob.member": func(g *Genesis) {
			m := g.Members[0]
			m.Approval.X, m.Channel.X = "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ", "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"
			g.Members = append(g.Members, m)
		},
		"members.mem_eve.approval":    func(g *Genesis) { m := g.Members[0]; m.Member = "mem_eve"; g.Members = append(g.Members, m) },
		"members.mem_bob.channel":     func(g *Genesis) { g.Members[0].Channel = g.Members[0].Approval },
		"signer.channel":              func(g *Genesis) { g.Signer.Channel = nil },
		"accounts.acc_treasury.rules": func(g *Genesis) { g.Accounts[0].Rules.Rules[0].Steps[0].Members[0] = "mem_eve" },
		"admin_rule.quorum":           func(g *Genesis) { g.Members[0].Role = Auditor },
		"groups.grp_ops":              func(g *Genesis) { g.Groups = []governance.Group{{Group: "grp_ops", Name: "Ops"}} },
		"groups.grp_ops.group": func(g *Genesis) {
			ops := governance.Group{Group: "grp_ops", Name: "Ops", Members: []string{"mem_bob"}}
			g.Groups = []governance.Group{ops, ops}
		},
		"whitelists.wls_ours": func(g *Genesis) { g.Whitelists = []governance.List{{Whitelist: "wls_ours", Name: "Ours"}} },
		"accounts":            func(g *Genesis) { g.Accounts = nil },
	} {
		g := sampleGenesis()
		f(&g)
		_, err := Encode(g)
		if e, ok := fault.As(err); !ok || e.Details["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestNoAdministratorDecidesAloneAndOneMayBeLost(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		quorum, admins int
		sandbox, ok    bool
	}{
		{2, 3, false, true}, {3, 4, false, true}, {2, 64, false, true},
		{1, 3, false, false}, {3, 3, false, false}, {2, 2, false, false}, {0, 3, false, false}, {4, 3, false, false},
		{1, 1, true, true}, {2, 2, true, true}, {0, 1, true, false}, {2, 1, true, false}, {1, 0, true, false},
	} {
		if why := (AdminRule{row.quorum}).Problem(row.admins, row.sandbox); (why == "") != row.ok {
			t.Errorf("%+v: %q", row, why)
		}
	}
}

// TestTheKeysPAndMinusPAreOneHolders walks every pair of keys in a genesis: a key
// and its negative have one private half, up to the sign.
func TestTheKeysPAndMinusPAreOneHolders(t *testing.T) {
	t.Parallel()
	sound := withEve(func(*GenesisMember) {})
	if _, err := Encode(sound); err != nil {
		t.Fatal(err)
	}
	at := func(g *Genesis) map[string]*jwk.Key {
		return map[string]*jwk.Key{
			"statement": &g.Signer.Statement, "channel secp256k1": &g.Signer.Channel[0], "channel P-256": &g.Signer.Channel[1],
			"approval of Bob": &g.Members[0].Approval, "channel of Bob": &g.Members[0].Channel,
			"approval of Eve": &g.Members[1].Approval, "channel of Eve": &g.Members[1].Channel,
		}
	}
	for from := range at(&sound) {
		for to := range at(&sound) {
			if from == to {
				continue
			}
			g := withEve(func(*GenesisMember) {})
			*at(&g)[to] = negative(*at(&g)[from])
			if _, err := Encode(g); fault.CodeOf(err) != fault.StatementInvalid {
				t.Errorf("%s is the negative of %s: %v", to, from, err)
			}
		}
	}
}

// FuzzDecode checks that what a reader accepts has one form only.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Statement))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []string{"approval", "initiation", "review", "verdict", "rate", "member", "address", "genesis", "genesis-approval", "registration", "succession"} {
			back, text, err := decode(kind, data)
			if err != nil {
				if c := fault.CodeOf(err); c != fault.StatementInvalid && c != fault.IntentUnsupported {
					t.Errorf("code of %v", err)
				}
				continue
			}
			if string(back) != string(data) {
				t.Errorf("%s came back as %s", data, back)
			}
			if kind != "approval" {
				continue
			}
			a, err := Decode[Approval](data)
			if err != nil {
				t.Fatal(err)
			}
			hasTheLines(t, text, linesOf(a))
		}
	})
}

// hasTheLines fails when a field breaks a line of a text, or hides one.
func hasTheLines(t *testing.T, text string, lines []intent.Line) {
	t.Helper()
	shown := strings.Split(text, "\n")
	if len(shown) != len(lines) {
		t.Fatalf("%d lines, want %d:\n%s", len(shown), len(lines), text)
	}
	for i, l := range lines {
		if !strings.HasPrefix(shown[i], l.Label) || !strings.HasSuffix(shown[i], l.Value) {
			t.Errorf("line %d is %q, want %+v", i, shown[i], l)
		}
	}
}

func TestTheTimeThatAnApprovalIsUsableForIsInWords(t *testing.T) {
	t.Parallel()
	for within, want := range map[int64]string{
		0: "24 hours", 86400: "24 hours", 3600: "1 hour", 60: "1 minute", 5400: "90 minutes", 61: "61 seconds", 2 * 86400: "2 days", 36 * 3600: "36 hours", 90 * 86400: "90 days",
	} {
		if got := (GovernedBy{UseWithin: within}).Use(); got != want {
			t.Errorf("%d is %q, want %q", within, got, want)
		}
	}
	a := sample()
	a.GovernedBy.UseWithin = 3600
	if text := textOf(a); !strings.Contains(text, "\nUsable for    1 hour after the last approval\n") {
		t.Error(text)
	}
	a.Decision = Reject
	if text := textOf(a); strings.Contains(text, "Usable") {
		t.Errorf("a rejection has an end:\n%s", text)
	}
}
