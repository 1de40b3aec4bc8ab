package governance

import "testing"

func TestWhatIsRecordedIsChecked(t *testing.T) {
	t.Parallel()
	value := func(change func(*Value)) Recorded {
		v := Value{Currency: "EUR", Amount: "3900.50", Rate: "2600.333333", At: 1795168200, Source: "mem_northrates"}
		change(&v)
		return Recorded{Value: &v}
	}
	for name, c := range map[string]struct {
		r  Recorded
		ok bool
	}{
		"nothing":                   {Recorded{}, true},
		"a value":                   {value(func(*Value) {}), true},
		"a value in an asset":       {value(func(v *Value) { v.Currency = "ethereum" }), false},
		"a value that is negative":  {value(func(v *Value) { v.Amount = "-1" }), false},
		"a rate that is a float":    {value(func(v *Value) { v.Rate = "1e3" }), false},
		"a rate without a time":     {value(func(v *Value) { v.At = 0 }), false},
		"a rate of nobody":          {value(func(v *Value) { v.Source = "" }), false},
		"zones":                     {Recorded{Zones: []Zone{{"Asia/Tokyo", 32400}, {"Europe/Paris", 3600}}}, true},
		"zones out of order":        {Recorded{Zones: []Zone{{"Europe/Paris", 3600}, {"Asia/Tokyo", 32400}}}, false},
		"a zone twice":              {Recorded{Zones: []Zone{{"Europe/Paris", 3600}, {"Europe/Paris", 7200}}}, false},
		"a zone that is a day away": {Recorded{Zones: []Zone{{"Europe/Paris", 86400}}}, false},
		"a zone that is here":       {Recorded{Zones: []Zone{{"Local", 0}}}, false},
	} {
		if err := c.r.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
