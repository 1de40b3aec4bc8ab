package ceremony

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/jws/keytest"
	"countersign/shared/preset"
	"countersign/shared/spec"
	"countersign/shared/statement"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/ceremony.json"

// vector is one row of shared/spec/vectors/ceremony.json.
type vector struct {
	Name      string   `json:"name"`
	Genesis   string   `json:"genesis"`
	Approvals []string `json:"approvals"`
	Valid     bool     `json:"valid"`
	Text      string   `json:"text,omitempty"`
}

// seed makes a key in memory.
type seed = keytest.Seed

const noon = 1_795_208_400

// sample is a vault with three administrators, whose keys are the seeds 2, 3 and 4, an
// operator and an auditor.
func sample() statement.Genesis {
	g := statement.Genesis{
		V: 3, Type: "genesis", Entity: "ent_example", EntityName: "Example Ltd", AdminRule: statement.AdminRule{Quorum: 2}, IssuedAt: noon,
		Signer:     statement.SignerKeys{Statement: seed(1).PublicKey().JWK(), Channel: []jwk.Key{seed(9).PublicKey().JWK()}},
		Groups:     []governance.Group{{Group: "grp_ops", Name: "Operations", Members: []string{"mem_alice", "mem_dave"}}},
		Whitelists: []governance.List{{Whitelist: "wls_payroll", Name: "Payroll", Entries: []governance.Entry{{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:1", Label: "Payroll of Example"}}}},
		Accounts: []statement.GenesisAccount{{Account: "acc_treasury", Name: "Treasury", Chain: "eip155:1", Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
			Rules: governance.Set{Version: 1, Holidays: []string{"2026-12-25"}, Rules: []governance.Rule{
				{Name: "payroll", When: []governance.Condition{
					{Filter: &governance.Filter{Kinds: []string{"transfer"}, Assets: []string{"ethereum"}}},
					{Whitelist: &governance.Whitelist{Whitelist: "wls_payroll"}},
					{Velocity: &governance.Velocity{Currency: "ethereum", Seconds: 86400, Max: "25"}},
					{Window: &governance.Window{From: "08:00", To: "18:00", Zone: "Europe/Paris", Business: true}},
				}, Creation: &governance.Creation{Group: "grp_ops"}, Steps: []governance.Step{{Name: "second", Quorum: 1, Members: []string{"mem_bob"}, Group: "grp_ops", ExcludeInitiator: true}}},
				{Name: "small", When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: "10000"}}, {Velocity: &governance.Velocity{Seconds: 3600, Count: 5}}},
					Steps: []governance.Step{{Name: "ops", Quorum: 1, Group: "grp_ops"}}, UseWithin: 3600, Within: 7200},
				{Name: "no cards", When: []governance.Condition{{Whitelist: &governance.Whitelist{Providers: []string{"northpay"}}}}, Deny: true},
			}}}},
	}
	for i, m := range []struct{ name, role string }{{"Alice", statement.Admin}, {"Bob", statement.Admin}, {"Carol", statement.Admin}, {"Dave", statement.Operator}, {"Erin", statement.Auditor}} {
		g.Members = append(g.Members, statement.GenesisMember{Member: "mem_" + strings.ToLower(m.name), Name: m.name, Role: m.role,
			Approval: seed(2 + i).PublicKey().JWK(), Channel: seed(12 + i).PublicKey().JWK(), ChannelIn: statement.InToken})
	}
	return g
}

// layered is a vault that begins with the preset of layered wallets.
func layered(t testing.TB) statement.Genesis {
	t.Helper()
	g := sample()
	g.Groups = append(g.Groups, governance.Group{Group: "grp_officers", Name: "Officers", Members: []string{"mem_alice", "mem_bob", "mem_carol"}})
	var err error
	g.Accounts, err = preset.Layered{
		Treasury: "acc_treasury", TreasuryName: "Treasury", Trading: "acc_trading", TradingName: "Trading", Chain: "eip155:1",
		Officers: "grp_officers", Operators: "grp_ops", Whitelist: "wls_payroll", Quorum: 2, Delay: 86400,
		Asset: "ethereum", Small: "1", Daily: "5", Currency: "EUR", Purchase: "1000", Bought: "5000",
	}.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	g.Accounts[0].Address, g.Accounts[1].Address = "0x8617E340B3D01FA5F11F306F4090FD50E238070D", "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
	return g
}

func encode(t testing.TB, g statement.Genesis) []byte {
	t.Helper()
	b, err := statement.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(t testing.TB, genesis []byte, by ...seed) (all []string) {
	t.Helper()
	for _, key := range by {
		token, err := Sign(t.Context(), key, genesis, noon)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, token)
	}
	return all
}

func vectors(t testing.TB) []vector {
	t.Helper()
	genesis := encode(t, sample())
	small := sample()
	small.Sandbox, small.AdminRule.Quorum, small.Groups = true, 1, nil
	small.Members, small.Whitelists = small.Members[:2], nil
	small.Accounts[0].Rules = governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}}}}
	sandbox := encode(t, small)
	layers := layered(t)
	layered := encode(t, layers)
	renamed := sample()
	renamed.EntityName = "Example Limited"
	good := sign(t, genesis, 2, 3, 4)
	swapped := good[2][:strings.LastIndex(good[2], ".")] + good[1][strings.LastIndex(good[1], "."):]
	return []vector{
		{"all three administrators", string(genesis), good, true, Text(sample(), sample().Members[0])},
		{"both administrators of a sandbox", string(sandbox), sign(t, sandbox, 2, 3), true, Text(small, small.Members[0])},
		{"a treasury and the trading account below it", string(layered), sign(t, layered, 2, 3, 4), true, Text(layers, layers.Members[0])},
		{"in another order", string(genesis), sign(t, genesis, 4, 2, 3), false, ""},
		{"one is missing", string(genesis), good[:2], false, ""},
		{"one twice", string(genesis), append(slices.Clone(good), good[0]), false, ""},
		{"one twice, for another", string(genesis), []string{good[0], good[1], good[1]}, false, ""},
		{"one of another draft", string(genesis), append(sign(t, genesis, 2, 3), sign(t, encode(t, renamed), 4)...), false, ""},
		{"the signature of another", string(genesis), []string{good[0], good[1], swapped}, false, ""},
		{"a genesis that is not canonical", strings.Replace(string(genesis), ",", ", ", 1), good, false, ""},
	}
}

func TestTheVectorsAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	if *update {
		data, err := json.MarshalIndent(vectors(t), "", " ")
		if err == nil {
			err = os.WriteFile(vectorFile, append(data, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(vectors(t)) {
		t.Errorf("%d vectors in the file, %d in the test: run with -update", len(all), len(vectors(t)))
	}
	for _, v := range all {
		ordered, err := Approvals([]byte(v.Genesis), v.Approvals)
		if valid := err == nil && slices.Equal(ordered, v.Approvals); valid != v.Valid {
			t.Errorf("%s: %v", v.Name, err)
		}
		if !v.Valid {
			continue
		}
		g, err := statement.Decode[statement.Genesis]([]byte(v.Genesis))
		if err != nil {
			t.Fatal(err)
		}
		if got := Text(g, g.Members[0]); got != v.Text {
			t.Errorf("%s reads\n%s\nthe vector\n%s", v.Name, got, v.Text)
		}
	}
}

func TestTheOrderInWhichAdministratorsSignDoesNotMatter(t *testing.T) {
	t.Parallel()
	genesis := encode(t, sample())
	want := sign(t, genesis, 2, 3, 4)
	for _, order := range [][]seed{{2, 3, 4}, {4, 3, 2}, {3, 4, 2}} {
		if got, err := Approvals(genesis, sign(t, genesis, order...)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: %v", order, err)
		}
	}
}

func TestWhoIsNoAdministratorCannotSign(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]seed{"an operator": 5, "an auditor": 6, "a stranger": 77, "the vault itself": 1} {
		if _, err := Sign(t.Context(), key, encode(t, sample()), noon); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheLongestApprovalFitsIntoItsFile(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 40)
	payload, err := statement.Encode(statement.GenesisApproval{V: 1, Type: "genesis-approval", Entity: "ent_" + long, Genesis: Digest(nil), Member: "mem_" + long,
		Key: seed(2).PublicKey().Thumbprint(), IssuedAt: 4_102_444_799})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.Sign(t.Context(), seed(2), statement.TypGenesisApproval, payload)
	if err != nil || len(token)+3 > MaxApproval {
		t.Errorf("%d bytes, %v", len(token), err)
	}
	spec.Limit(t, "statement.md", "approval of a genesis, as a file", spec.Number(MaxApproval))
}

// TestNothingOfARuleIsKeptFromItsReader sets each field of a rule, whatever it is, and
// wants another text.
func TestNothingOfARuleIsKeptFromItsReader(t *testing.T) {
	t.Parallel()
	filled := 0
	fill(reflect.ValueOf(&governance.Set{}).Elem(), "", func(at string, with governance.Set, without governance.Set) {
		filled++
		say := func(s governance.Set) string {
			g := sample()
			g.Accounts[0].Rules = s
			return Text(g, g.Members[0])
		}
		if say(with) == say(without) {
			t.Errorf("%s is not shown", at)
		}
	})
	if filled < 20 {
		t.Errorf("only %d fields were looked at", filled)
	}
}

// fill gives each leaf of a set of rules a value, alone, with what it is inside of.
func fill(v reflect.Value, at string, each func(at string, with, without governance.Set)) {
	var walk func(typ reflect.Type, at string, put func(reflect.Value) governance.Set)
	walk = func(typ reflect.Type, at string, put func(reflect.Value) governance.Set) {
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				walk(typ.Field(i).Type, at+"."+typ.Field(i).Name, func(field reflect.Value) governance.Set {
					s := reflect.New(typ).Elem()
					s.Field(i).Set(field)
					return put(s)
				})
			}
		case reflect.Pointer:
			walk(typ.Elem(), at, func(e reflect.Value) governance.Set {
				p := reflect.New(typ.Elem())
				p.Elem().Set(e)
				return put(p)
			})
		case reflect.Slice:
			walk(typ.Elem(), at+"[]", func(e reflect.Value) governance.Set {
				return put(reflect.Append(reflect.MakeSlice(typ, 0, 1), e))
			})
		default:
			one := reflect.New(typ).Elem()
			switch typ.Kind() {
			case reflect.String:
				one.SetString("17")
			case reflect.Bool:
				one.SetBool(true)
			default:
				one.SetInt(17)
			}
			each(at, put(one), put(reflect.New(typ).Elem()))
		}
	}
	walk(v.Type(), at, func(s reflect.Value) governance.Set { return s.Interface().(governance.Set) })
}

func TestStepsOfEachKindAreToldInWords(t *testing.T) {
	t.Parallel()
	for want, step := range map[string]governance.Step{
		"Step 1, one: 1 of Bob (mem_bob).": {Name: "one", Quorum: 1, Members: []string{"mem_bob"}},
		"Step 1, any: 1 of Bob (mem_bob), or 2 of the group Operations (grp_ops), but not who asked.": {Name: "any", ExcludeInitiator: true,
			Any: []governance.Quorum{{Quorum: 1, Members: []string{"mem_bob"}}, {Quorum: 2, Group: "grp_ops"}}},
		"Step 1, pause: 2 hours pass, in which whoever may approve a step can stop it.":                  {Name: "pause", Delay: 7200},
		"Step 1, screening: the program Carol (mem_carol) approves.":                                     {Name: "screening", Reviewer: "mem_carol"},
		"Step 1, screening: the program Carol (mem_carol) approves, or leaves it to 1 of Bob (mem_bob).": {Name: "screening", Reviewer: "mem_carol", Quorum: 1, Members: []string{"mem_bob"}},
	} {
		if said := people(sample()).rule(governance.Rule{Name: "all", Steps: []governance.Step{step}}); !strings.Contains(said, want) || strings.Contains(said, "And:") {
			t.Errorf("%q, want %q", said, want)
		}
	}
}
