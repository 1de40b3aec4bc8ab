package statement

import (
	"errors"
	"fmt"
	"testing"

	"countersign/shared/fault"
)

func TestARefusalOfAStatementBlamesItsField(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("sample: %w", Member{V: 1, Type: "member", Entity: "ent_a1b2", Member: "bob"}.check())
	p, ok := Blames(err)
	if !ok || p.Field != "member" || p.Why != "is not an id that starts with mem_" {
		t.Errorf("%+v, %t", p, ok)
	}
	f, ok := fault.As(err)
	if !ok || f.Code != fault.StatementInvalid || f.Message != "the statement was refused: "+p.Field+" "+p.Why || f.Details["field"] != p.Field {
		t.Errorf("%+v", f)
	}
	for _, other := range []error{nil, errors.New("disk"), invalid("", "is too long")} {
		if p, ok := Blames(other); ok {
			t.Errorf("%v blames %+v", other, p)
		}
	}
}
