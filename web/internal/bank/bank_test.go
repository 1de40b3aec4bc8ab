package bank

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/shared/amount"
)

var began = time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)

func TestMovementsFollowFromTheConnectionAndTheDayAlone(t *testing.T) {
	t.Parallel()
	later := began.Add(60 * 24 * time.Hour)
	for n := range Accounts() {
		now, then := Movements("itm_a", n, began, began), Movements("itm_a", n, began, later)
		if len(now) < 2 || len(then) <= len(now) || !reflect.DeepEqual(now, then[:len(now)]) {
			t.Errorf("account %d: %d movements, then %d", n, len(now), len(then))
		}
		last := time.Time{}
		chart := map[string]bool{}
		for _, c := range Chart() {
			chart[c[0]] = true
		}
		for _, m := range then {
			a, err := amount.Parse(m.Amount)
			if err != nil || a.Sign() <= 0 || !strings.Contains(m.Amount, ".") || m.At.Before(last) || m.At.After(later) || !chart[m.Other] || m.Text == "" {
				t.Errorf("%+v, %v", m, err)
			}
			last = m.At
		}
		if b := amount.Must(Balance(then)); b.Sign() <= 0 {
			t.Errorf("account %d: balance %s", n, b)
		}
	}
	if reflect.DeepEqual(Movements("itm_a", 0, began, later), Movements("itm_b", 0, began, later)) {
		t.Error("two connections move alike")
	}
}

func TestOnlyTheGoodUserSignsIn(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"", ""}, {GoodUser, ""}, {GoodUser, "pass_bad"}, {"user_bad", GoodPass}, {"USER_GOOD", GoodPass}} {
		if Login(pair[0], pair[1]) {
			t.Errorf("%q signs in", pair)
		}
	}
	if !Login(GoodUser, GoodPass) {
		t.Error("the good user does not sign in")
	}
}
