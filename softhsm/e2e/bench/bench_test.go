package bench

import (
	"errors"
	"strings"
	"testing"
)

const output = `goos: linux
BenchmarkApproval/memory-2         	      60	   3428288 ns/op	       306.4 approvals/s
BenchmarkApproverSign-2   	      10	 418959773 ns/op	       266.0 added-µs	         0.2233 ratio-16
PASS
`

func TestALineSaysWhetherItsPromiseWasKept(t *testing.T) {
	t.Parallel()
	got := parse(output)
	for _, c := range []struct {
		l    line
		want string
	}{
		{line{name: "a", metric: "ratio-16", scale: 1, unit: "of-direct", op: ">=", goal: 0.85}, "a 0.22 of-direct goal >= 0.85 short"},
		{line{name: "b", metric: "added-µs", scale: 1, unit: "us", op: "<=", goal: 300}, "b 266 us goal <= 300 ok"},
		{line{name: "c", bench: "memory", metric: "ns/op", scale: 1e-6, unit: "ms"}, "# c: 3.43 ms"},
		{line{name: "d", bench: "memory", metric: "approvals/s", scale: 1, unit: "x", note: "why"}, "# d: 306 x (why)"},
	} {
		var b strings.Builder
		if err := c.l.print(&b, suite{}, got); err != nil {
			t.Error(err)
		}
		if b.String() != c.want+"\n" {
			t.Errorf("%q, want %q", b.String(), c.want)
		}
	}
	if err := (line{metric: "nothing"}).print(new(strings.Builder), suite{}, got); err == nil {
		t.Error("a metric that is not there was printed")
	}
}

func TestEachPromiseHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range suites {
		for _, l := range s.lines {
			if seen[l.name] || l.op != "" && strings.ContainsAny(l.name+l.unit, " ") {
				t.Errorf("%q", l.name)
			}
			seen[l.name] = true
		}
	}
}

func TestABenchmarkThatFailsCostsNoOther(t *testing.T) {
	t.Parallel()
	measure := func(s suite) (map[string]float64, error) {
		switch s.name {
		case "Breaks":
			return map[string]float64{"before m": 1}, errors.New("the token is locked")
		case "Silent":
			return nil, nil
		}
		return map[string]float64{" m": 2}, nil
	}
	all := []suite{
		{"a", "Breaks", 1, []line{{name: "before", bench: "before", metric: "m", scale: 1, unit: "x", op: ">=", goal: 1}, {name: "after", metric: "m", scale: 1, unit: "x", op: ">=", goal: 1}}},
		{"b", "Silent", 1, []line{{name: "silent", metric: "m", scale: 1, unit: "x", op: ">=", goal: 1}}},
		{"c", "Works", 1, []line{{name: "works", metric: "m", scale: 1, unit: "x", op: ">=", goal: 1}}},
	}
	var out strings.Builder
	err := runAll(&out, all, "", measure)
	if err == nil || !strings.Contains(err.Error(), "2 of 3 benchmarks failed") || !strings.Contains(err.Error(), "the token is locked") || !strings.Contains(err.Error(), `does not report "m"`) {
		t.Errorf("it ended with %v", err)
	}
	const want = "# Breaks of a failed; going on with the next\nbefore 1.00 x goal >= 1 ok\nworks 2.00 x goal >= 1 ok\n# 2 of 3 benchmarks failed\n"
	if out.String() != want {
		t.Errorf("%s, want %s", &out, want)
	}
	if err := runAll(&out, all, "works", measure); err != nil {
		t.Errorf("those that work: %v", err)
	}
	if err := runAll(&out, all, "no", measure); err == nil {
		t.Error("nothing was measured, and nothing said")
	}
}
