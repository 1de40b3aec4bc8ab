package soak

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/softhsm"
)

// series makes 400 samples, the i-th by at.
func series(at func(i int64) Sample) (s Series) {
	for i := range int64(400) {
		s = append(s, at(i))
	}
	return s
}

func flat(i int64) Sample {
	return Sample{RSS: 30*mib + i%7*100_000, Descriptors: 20 + i%3, Threads: 10, Sessions: 8}
}

func TestWhatGrowsIsFoundAndWhatIsFlatIsNot(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		change  func(i int64, s *Sample)
		derived int64
		grows   string // in the module
	}{
		"flat":                       {func(int64, *Sample) {}, 0, ""},
		"caches that fill":           {func(i int64, s *Sample) { s.RSS += min(i, 90) * mib / 10 }, 0, ""},
		"one peak":                   {func(i int64, s *Sample) { s.RSS += max(0, 5-max(i-390, 390-i)) * 100 * mib }, 0, ""},
		"memory":                     {func(i int64, s *Sample) { s.RSS += i * 50_000 }, 0, "memory"},
		"what SoftHSM is known for":  {func(i int64, s *Sample) { s.RSS += i * 50_000 }, 400 * 50_000 / DeriveLeak, ""},
		"more than it is known for":  {func(i int64, s *Sample) { s.RSS += i * 100_000 }, 400 * 50_000 / DeriveLeak, "memory"},
		"a descriptor each minute":   {func(i int64, s *Sample) { s.Descriptors += i / 10 }, 0, "descriptors"},
		"threads":                    {func(i int64, s *Sample) { s.Threads += i / 20 }, 0, "threads"},
		"sessions":                   {func(i int64, s *Sample) { s.Sessions += i / 20 }, 0, "sessions"},
		"objects that stay":          {func(i int64, s *Sample) { s.Objects = i / 40 }, 0, "session objects"},
		"sessions that come and go":  {func(i int64, s *Sample) { s.Sessions += i % 2 }, 0, ""},
		"a token that was pulled":    {func(i int64, s *Sample) { s.Sessions -= i / 100 % 2 * 2 }, 0, ""},
		"less at the end":            {func(i int64, s *Sample) { s.RSS -= i * 10_000 }, 0, ""},
		"descriptors of many guests": {func(i int64, s *Sample) { s.Descriptors += i % 40 }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			module := series(func(i int64) Sample { s := flat(i); r.change(i, &s); return s })
			var found []string
			for _, g := range Trend(series(flat), module, r.derived, Noise) {
				if g.Grows() {
					found = append(found, g.Process+" "+g.What)
				}
			}
			want := ""
			if r.grows != "" {
				want = "module " + r.grows
			}
			if got := strings.Join(found, ", "); got != want {
				t.Errorf("grows: %q, want %q", got, want)
			}
		})
	}
}

func TestTheTableSaysWhatGrows(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := Print(&out, []Growth{{"bridge", "memory", 20 * mib, 24 * mib, 3 * mib}, {"module", "sessions", 8, 8, 0}}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[1], "20.00 MiB") || !strings.Contains(lines[1], "GROWS") || !strings.Contains(lines[2], "flat") {
		t.Error(out.String())
	}
}

// The counting module counts what it is asked to count, in front of the real one.
func TestTheCountingModuleCounts(t *testing.T) {
	dir := t.TempDir()
	token := softhsm.New(t, softhsm.Spec{Label: "alice"})
	module, err := Count(context.Background(), dir, token.Module)
	if err != nil {
		t.Fatal(err)
	}
	ctx := pkcs11.New(module)
	if ctx == nil {
		t.Fatal("the module cannot be loaded")
	}
	defer ctx.Destroy()
	want := func(sessions, objects int64) {
		t.Helper()
		var s Sample
		if err := s.counted(dir, os.Getpid()); err != nil || s.Sessions != sessions || s.Objects != objects {
			t.Errorf("%d sessions, %d objects, want %d, %d: %v", s.Sessions, s.Objects, sessions, objects, err)
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(ctx.Initialize())
	slots, err := ctx.GetSlotList(true)
	ok(err)
	a, err := ctx.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	ok(err)
	b, err := ctx.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION)
	ok(err)
	want(2, 0)
	object, err := ctx.CreateObject(a, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false)})
	ok(err)
	want(2, 1)
	ok(ctx.DestroyObject(a, object))
	ok(ctx.CloseSession(b))
	want(1, 0)
	ok(ctx.CloseAllSessions(slots[0]))
	want(0, 0)
	_, err = ctx.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION)
	ok(err)
	want(1, 0)
	ok(ctx.Finalize())
	want(0, 0)
}
