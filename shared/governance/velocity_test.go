package governance

import (
	"testing"
	"time"
)

func TestWhatCountsAsSpent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	pending := func(ends time.Time) Earlier {
		return Earlier{Amount: "100", Currency: "EUR", State: Pending, Expires: ends}
	}
	approved := func(at time.Time, use time.Duration) Earlier {
		return Earlier{Amount: "100", Currency: "EUR", State: Approved, Approved: at, UseBy: at.Add(use)}
	}
	as := func(e Earlier, s State) Earlier { e.State = s; return e }
	const window = 2 * time.Hour
	for name, c := range map[string]struct {
		e    Earlier
		want string
	}{
		"pending":                                {pending(now.Add(time.Second)), "100"},
		"pending past its end":                   {pending(now), "0"},
		"approved and usable":                    {approved(ago(time.Hour), 24*time.Hour), "100"},
		"approved before the window, and usable": {approved(ago(23*time.Hour), 24*time.Hour), "100"},
		"approved in the window, lapsed":         {approved(ago(time.Hour), time.Minute), "100"},
		"approved before the window, lapsed":     {approved(ago(window), time.Hour), "0"},
		"approved a second later":                {approved(ago(window-time.Second), time.Minute), "100"},
		"an approval that ends now":              {approved(ago(24*time.Hour), 24*time.Hour), "0"},
		"rejected":                               {as(pending(now.Add(time.Hour)), Rejected), "0"},
		"rejected in its second step":            {as(approved(ago(time.Minute), time.Hour), Rejected), "0"},
		"expired":                                {as(pending(ago(time.Minute)), Expired), "0"},
		"denied":                                 {as(pending(now.Add(time.Hour)), Denied), "0"},
		"another currency":                       {Earlier{Amount: "100", Currency: "USD", State: Pending, Expires: now.Add(time.Hour)}, "0"},
	} {
		s, ok := Velocity{Currency: "EUR", Seconds: int64(window / time.Second), Max: "1"}.Spent(now, "0", []Earlier{c.e})
		if !ok || s != (Spent{Currency: "EUR", Seconds: 7200, Amount: c.want}) {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
	}
	two := []Earlier{pending(now.Add(time.Hour)), approved(ago(time.Hour), time.Hour)}
	if s, ok := (Velocity{Currency: "EUR", Seconds: 60}).Spent(now, "0", append(two, pending(now.Add(time.Minute)))); !ok || s.Amount != "200" {
		t.Errorf("the sum is %+v, %v", s, ok)
	}
	two[0].Amount = "many"
	if _, ok := (Velocity{Currency: "EUR", Seconds: 60}).Spent(now, "0", two); ok {
		t.Error("an amount that cannot be read adds up to something")
	}
}
