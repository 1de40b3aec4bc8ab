package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"
)

// settles is how long after pairing the page and its bridge are left alone before
// they are measured.
const settles = 15 * time.Second

// BenchmarkIdle measures what a paired page and its bridge cost while they are at rest;
// each round is a minute. page-s and bridge-s are seconds of processor for
// each minute beyond what the same browser spends on an empty page (blank-s), idle-s
// both; requests is what the page asked in a minute; memory is
// the page's after the last round, of that after the first. For ten minutes:
// go test -run '^$' -bench '^BenchmarkIdle$' -benchtime 10x ./softhsm/e2e/bench
func BenchmarkIdle(b *testing.B) {
	s := start(b)
	tab := chromium(b)
	do := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	do(chromedp.Do(tab, chromedp.Navigate(s.DashboardURL+"/buy")))
	for _, until := range []string{
		"(() => { const e = [...document.querySelectorAll('button')].find((e) => e.innerText.includes('not paired')); e?.click(); return !!e })()",
		"document.body.innerText.includes('ready: ')",
	} {
		if _, err := chromedp.Run(tab, chromedp.Poll[bool](until, chromedp.WithPollingTimeout(time.Minute/2))); err != nil {
			text, _ := chromedp.Run(tab, chromedp.Evaluate[string]("document.body.innerText")) // it says why
			b.Fatal(fmt.Errorf("the page is not paired: %w\n%s", err, text))
		}
	}
	asked := func() float64 {
		n, err := chromedp.Run(tab, chromedp.Evaluate[float64]("performance.getEntriesByType('resource').length"))
		do(err)
		return n
	}
	memory := func() float64 {
		_, err := chromedp.Call(tab, heapprofiler.CollectGarbage, cdp.Empty{})
		do(err)
		return total(pages(b), memoryOf)
	}
	time.Sleep(settles)
	var page, bridge, modules, requests, held []float64
	held = append(held, memory())
	for b.Loop() {
		spent, daemon, helped, before := total(pages(b), processorOf), processorOf(s.PID("bridge")), total(below(b, s.PID("bridge"))[1:], processorOf), asked()
		time.Sleep(time.Minute)
		page = append(page, total(pages(b), processorOf)-spent)
		bridge = append(bridge, processorOf(s.PID("bridge"))-daemon)
		modules = append(modules, total(below(b, s.PID("bridge"))[1:], processorOf)-helped)
		requests = append(requests, asked()-before)
		held = append(held, memory())
	}
	do(chromedp.Do(tab, chromedp.Navigate("about:blank")))
	time.Sleep(settles)
	blank := total(pages(b), processorOf)
	time.Sleep(time.Minute)
	blank = total(pages(b), processorOf) - blank
	own := max(0, median(page)-blank)
	b.ReportMetric(own+median(bridge)+median(modules), "idle-s")
	b.ReportMetric(own, "page-s")
	b.ReportMetric(blank, "blank-s")
	b.ReportMetric(median(bridge), "bridge-s")
	b.ReportMetric(median(modules), "modules-s")
	b.ReportMetric(median(requests), "requests")
	b.ReportMetric(held[len(held)-1]/held[0], "memory")
}

func total(pids []int, of func(pid int) float64) (sum float64) {
	for _, pid := range pids {
		sum += of(pid)
	}
	return sum
}

// pages are the processes in which this program's browser runs pages.
func pages(b *testing.B) (pids []int) {
	b.Helper()
	for _, pid := range below(b, os.Getpid()) {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(line, []byte("--type=renderer")) {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		b.Fatal("the browser runs no page")
	}
	return pids
}

// below is a process with all that it started.
func below(b *testing.B, pid int) []int {
	b.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		b.Fatal("there is no /proc")
	}
	children := map[int][]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it ended
		}
		child, _ := strconv.Atoi(strings.Split(f, "/")[2])
		rest := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // state, parent, …
		if parent, err := strconv.Atoi(rest[1]); err == nil {
			children[parent] = append(children[parent], child)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// processorOf is the time, in seconds, that the threads of a process ran.
func processorOf(pid int) (seconds float64) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid)) // the pattern is well-formed
	for _, f := range threads {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it ended
		}
		ran, _, _ := strings.Cut(string(text), " ")
		ns, _ := strconv.ParseFloat(ran, 64)
		seconds += ns / 1e9
	}
	return seconds
}

// memoryOf is what a process holds for itself alone, in bytes.
func memoryOf(pid int) (bytes float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0 // it ended
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && (f[0] == "Private_Dirty:" || f[0] == "Private_Clean:") {
			kB, _ := strconv.ParseFloat(f[1], 64)
			bytes += kB * 1000
		}
	}
	return bytes
}
