package conform

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

// simulator runs one, with the reference provider behind it.
func simulator(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewReferenceSimulator("http://"+l.Addr().String(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// checked makes a report.
func checked(t *testing.T, url string, change ...func(*Config)) Report {
	t.Helper()
	cfg := Config{URL: url, Orders: "/orders", Deadline: 3 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// level is the worst level of a check.
func (r Report) level(check string) string {
	level := ""
	for _, f := range r.Findings {
		if f.Check == check && (level == "" || level == OK || f.Level == Fail) {
			level = f.Level
		}
	}
	return level
}

func TestTheReferenceProviderKeepsTheContract(t *testing.T) {
	t.Parallel()
	r := checked(t, simulator(t)+"/none", func(c *Config) { c.APIKey = "" })
	for _, f := range r.Findings {
		if f.Level != OK && f.Check != "key" {
			t.Errorf("%+v", f)
		}
	}
	if r.Verdict != OK || len(r.Findings) != len(Checks) || r.Asked.To != "ethereum" {
		t.Errorf("%+v", r)
	}
}

func TestEachFaultIsFoundByItsCheck(t *testing.T) {
	t.Parallel()
	base := simulator(t)
	for _, f := range Faults {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			r := checked(t, base+"/"+f.Name)
			if f.Check == "" {
				return
			}
			if got := r.level(f.Check); got != f.Level {
				t.Errorf("%s is %s, want %s: %+v", f.Check, got, f.Level, r.Findings)
			}
			if f.Level == Fail && r.Verdict != Fail || f.Level == Note && r.Verdict == OK {
				t.Errorf("the verdict is %s", r.Verdict)
			}
			for _, found := range r.Findings { // and by no check that has nothing to do with it
				if at(found.Check) < at(f.Check) && found.Level == Fail && f.Check != "countries-name" {
					t.Errorf("also %+v", found)
				}
			}
		})
	}
}

// The same question gets the same answer, so that who tests a reader can rely on it.
func TestTheSimulatorIsDeterministic(t *testing.T) {
	t.Parallel()
	base := simulator(t)
	for _, f := range Faults {
		if f.Name == "drip" {
			continue
		}
		var first []string
		for range 2 {
			var all []string
			for _, path := range []string{"/capabilities", "/crypto-currencies"} {
				rec := get(t, base+"/"+f.Name+path)
				all = append(all, rec)
			}
			if first == nil {
				first = all
			} else if !slices.Equal(first, all) {
				t.Errorf("%s: %v, then %v", f.Name, first, all)
			}
		}
	}
	if list := get(t, base+"/no-such-fault/quote"); !strings.Contains(list, "/wrong-echo\t") {
		t.Errorf("it does not say what there is: %s", list)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	r := &run{Config: Config{URL: url, Deadline: 5 * time.Second}, http: http.DefaultClient}
	a, err := r.ask(t.Context(), "", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(a.status, a.kind, string(a.body))
}

func TestASimulatorStandsBeforeAProvidersOwnEndpoints(t *testing.T) {
	t.Parallel()
	own := simulator(t)
	s, err := NewSimulator(own + "/none")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	hosts := func(c *Config) { c.Hosts = []string{strings.TrimPrefix(own, "http://")} }
	if r := checked(t, server.URL+"/none", hosts); r.Verdict != OK {
		t.Errorf("%+v", r.Findings)
	}
	if r := checked(t, server.URL+"/wrong-echo", hosts); r.level("quote") != Fail {
		t.Errorf("%+v", r.Findings)
	}
	if r := checked(t, server.URL+"/none"); r.level("redirect") != Fail { // the widget is on another host, which is not named
		t.Errorf("%+v", r.Findings)
	}
}

func TestASimulatorPassesNoAnswerOnThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for piece := make([]byte, 1<<16); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	s, err := NewSimulator(endless.URL)
	if err != nil {
		t.Fatal(err)
	}
	got := httptest.NewRecorder()
	s.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/none/quote", nil))
	if got.Body.Len() != maxPassed {
		t.Errorf("%d bytes are passed on", got.Body.Len())
	}
}

func TestWhatCannotBeCheckedIsAnErrorAndNotAReport(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "api.provider.example", "ftp://provider.example", "https://u:p@provider.example", "https://provider.example/?a=1"} {
		if _, err := Run(t.Context(), Config{URL: url}); err == nil {
			t.Errorf("%q is checked", url)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Config{URL: "http://127.0.0.1:1"}); err == nil {
		t.Error("a report without answers")
	}
}

func TestAProviderThatIsNotThereFailsEveryCheckThatNeedsIt(t *testing.T) {
	t.Parallel()
	r := checked(t, "http://127.0.0.1:1", func(c *Config) {
		c.Input = quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}
	})
	if r.Verdict != Fail || r.level("capabilities") != Fail || r.level("quote") != Fail || r.level("redirect") != Skipped {
		t.Errorf("%+v", r.Findings)
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), "A gateway cannot use it as it is.") || strings.Contains(b.String(), "dest=") {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestThePagesExampleIsAReport(t *testing.T) {
	t.Parallel()
	var r Report
	example := spec.Examples(t, "conformance.md", "Roles", "json")[0]
	if err := strictjson.Unmarshal([]byte(example), &r, 1<<16); err != nil || at(r.Findings[0].Check) < 0 {
		t.Errorf("%v: %+v", err, r)
	}
	spec.Shows(t, "the report", example, &r, "asked.dest")
}

func TestThePageListsEachCheckAndEachFault(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range Checks {
		names = append(names, c.Name)
		row := spec.Row(t, "conformance.md", "Checks", "check", "`"+c.Name+"`")
		want := ""
		if c.Contradiction > 0 {
			want = fmt.Sprint(c.Contradiction)
		}
		if row[1] != c.What || row[2] != want {
			t.Errorf("%s: the page says %v", c.Name, row)
		}
	}
	spec.Same(t, "checks", spec.Column(t, "conformance.md", "Checks", "check", 0), names)
	names = nil
	for _, f := range Faults {
		names = append(names, f.Name)
		row := spec.Row(t, "conformance.md", "Faults", "fault", "`"+f.Name+"`")
		found := ""
		if f.Check != "" {
			found = "`" + f.Check + "`: " + f.Level
		}
		if row[1] != f.What || row[2] != found {
			t.Errorf("%s: the page says %v", f.Name, row)
		}
	}
	var sendings []string
	for _, s := range Sendings {
		sendings = append(sendings, s.Name)
		row := spec.Row(t, "conformance.md", "Notices", "sent", "`"+s.Name+"`")
		want := fmt.Sprint(s.Status)
		if s.Changed {
			want += ", changed"
		}
		if row[1] != s.What || row[2] != want {
			t.Errorf("%s: the page says %v", s.Name, row)
		}
	}
	spec.Same(t, "notices", spec.Column(t, "conformance.md", "Notices", "sent", 0), sendings)
	spec.Same(t, "faults", spec.Column(t, "conformance.md", "Faults", "fault", 0), names)
}
