package bench

import (
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
