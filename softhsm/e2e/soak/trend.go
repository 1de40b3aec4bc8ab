// Package soak watches a bridge at work for a long time: what its processes hold
// of memory, descriptors, threads and PKCS#11 sessions must not grow. `make soak`
// runs it for an hour, the tests for a minute.
package soak

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Series is a process over time, one sample after the other.
type Series []Sample

// DeriveLeak is what SoftHSM 2.6 loses of its memory in each ECDH, in bytes:
// measured at about 235 with a loop of C_DeriveKey and C_DestroyObject alone. It
// is in the module's process, and allowed there.
const DeriveLeak = 256

// Growth is one quantity of one process: its medians over the second and the
// fourth quarter of the time. The first quarter is for caches to fill.
type Growth struct {
	Process, What  string
	Second, Fourth int64
	Allowed        int64 // how much more the fourth may be
}

// Grows reports whether it is too much.
func (g Growth) Grows() bool { return g.Fourth-g.Second > g.Allowed }

// slack is what a quantity may differ by when nothing leaks.
func slack(second int64, percent, least int64) int64 { return max(second*percent/100, least) }

const mib = 1 << 20

// Noise is how much memory comes and goes in a program that leaks nothing, in
// bytes: with the race detector it is more.
const (
	Noise     = 3 * mib
	RaceNoise = 12 * mib
)

// Trend compares quarters. derived is how many ECDH the module did over the
// whole time: half of them are between the middles of the two quarters. A few
// threads and sessions may come late: with the first use of a token, or the first
// use of all at once.
func Trend(bridge, module Series, derived, noise int64) []Growth {
	var all []Growth
	for _, p := range []struct {
		name   string
		series Series
		leak   int64
	}{{"bridge", bridge, 0}, {"module", module, derived / 2 * DeriveLeak}} {
		for _, q := range []struct {
			what string
			of   func(Sample) int64
			// of the value in the second quarter, and at least
			percent, least int64
		}{
			{"memory", func(s Sample) int64 { return s.RSS }, 5, noise},
			{"descriptors", func(s Sample) int64 { return s.Descriptors }, 10, 4},
			{"threads", func(s Sample) int64 { return s.Threads }, 20, 4},
			{"sessions", func(s Sample) int64 { return s.Sessions }, 50, 8},
			{"session objects", func(s Sample) int64 { return s.Objects }, 0, 2},
		} {
			n := len(p.series)
			g := Growth{Process: p.name, What: q.what, Second: median(p.series[n/4:n/2], q.of), Fourth: median(p.series[n*3/4:], q.of)}
			g.Allowed = slack(g.Second, q.percent, q.least)
			if q.what == "memory" {
				g.Allowed += p.leak
			}
			all = append(all, g)
		}
	}
	return all
}

func median(s Series, of func(Sample) int64) int64 {
	if len(s) == 0 {
		return 0
	}
	var values []int64
	for _, x := range s {
		values = append(values, of(x))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// Print writes the table of a trend.
func Print(w io.Writer, all []Growth) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "PROCESS\tWHAT\t2ND QUARTER\t4TH QUARTER\tDIFFERENCE\tALLOWED\t\t")
	for _, g := range all {
		verdict := "flat"
		if g.Grows() {
			verdict = "GROWS"
		}
		unit := func(n int64) string { return fmt.Sprint(n) }
		if g.What == "memory" {
			unit = func(n int64) string { return fmt.Sprintf("%.2f MiB", float64(n)/mib) }
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", g.Process, g.What, unit(g.Second), unit(g.Fourth), unit(g.Fourth-g.Second), unit(g.Allowed), verdict)
	}
	return out.Flush()
}
