package buy

import (
	"testing"
	"time"
)

func TestAQuestionSettlesByWhatIsUsualForThoseAwaited(t *testing.T) {
	t.Parallel()
	of := func(answers ...time.Duration) *provider {
		p := &provider{}
		for _, d := range answers {
			p.pace.add(d * time.Millisecond)
		}
		return p
	}
	quick, unknown := of(90, 100, 110, 120, 4000), of(3000, 3000, 3000)
	var many []time.Duration
	for range 40 { // of which the first are forgotten
		many = append(many, 200)
	}
	for name, c := range map[string]struct {
		awaited []*provider
		want    int
	}{
		"none":                             {nil, 800},
		"one that is not known":            {[]*provider{unknown}, 1100},
		"one that was slow once":           {[]*provider{of(append(many, 9000)...)}, 1100},
		"one of five slow":                 {[]*provider{quick}, 2800},
		"one that takes 1.5 s":             {[]*provider{of(1500, 1500, 1500, 1500)}, 1800},
		"two":                              {[]*provider{of(1500, 1500, 1500, 1500), of(100, 100, 100, 100)}, 2100},
		"one that takes longer than is ok": {[]*provider{of(4000, 4000, 4000, 4000)}, 2800},
	} {
		awaited := map[string]*provider{}
		for i, p := range c.awaited {
			awaited[string(rune('a'+i))] = p
		}
		if got := settles(awaited); got != time.Duration(c.want)*time.Millisecond {
			t.Errorf("%s: %s, want %d ms", name, got, c.want)
		}
	}
}

func TestOnlyATagThatCanBeSentBackIsKept(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{`"v1"`: `"v1"`, `W/"v1"`: `W/"v1"`, `""`: `""`, "v1": "", `"a b"`: "", "\"a\r\nX: y\"": "", `"`: "", "": "", `w/"v1"`: ""} {
		if got := entityTag([]string{tag}); got != want {
			t.Errorf("%q: %q", tag, got)
		}
	}
	if entityTag([]string{`"a"`, `"b"`}) != "" || entityTag(nil) != "" {
		t.Error("two tags, or none, are one")
	}
}
