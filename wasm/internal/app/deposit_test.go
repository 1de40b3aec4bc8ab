package app

import (
	"strings"
	"testing"

	"countersign/shared/wire"
)

func TestTheFormAsksForNoPricesThatTheGatewayWouldRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*wire.Account)
		want   string // empty: no problem
	}{
		{"the sandbox's coin", func(*wire.Account) {}, ""},
		{"a chain that is not watched", func(a *wire.Account) { a.NotWatched = "deposits on Sandbox chain are not seen yet" }, "not seen yet"},
		{"a chain that holds nothing that is sold", func(a *wire.Account) { a.Chain = "eip155:137" }, "cannot be held on Polygon"},
		{"a chain that is not known", func(a *wire.Account) { a.Chain = "eip155:5" }, "not in the table"},
	} {
		m, a := stage("/buy"), sampleAccount()
		c.change(&a)
		m.Update(Loaded{What: TheAccounts, Value: []wire.Account{a}})
		m.Update(Acted{Action: "buy.field:amount", Value: "250"})
		problems := m.problems()
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || problems[0].Field != "to" || !strings.Contains(problems[0].Message, c.want)) {
			t.Errorf("%s: %+v", c.name, problems)
		}
	}
}
