package query

import (
	"strings"
	"testing"

	"countersign/shared/fault"
)

func TestAQueryIsReadOnlyWhenEverybodyReadsItAlike(t *testing.T) {
	t.Parallel()
	for raw, field := range map[string]string{
		"a=1&a=2": "a", "a=1&%61=2": "a", "a&a": "a",
		"a=%": "", "a=%zz": "", "%%%": "", "a=1;b=2": "", ";": "",
	} {
		f, ok := fault.As(second(Read(raw)))
		if !ok || f.Code != fault.Invalid || f.Details["field"] != field {
			t.Errorf("%q: %v", raw, f)
		}
	}
	if err := second(Read(strings.Repeat("a", Max+1))); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("too long: %v", err)
	}
	q, err := Read("after=-1&limit=5&")
	if err != nil || q.Get("after") != "-1" || q.Get("limit") != "5" || len(q) != 2 {
		t.Errorf("%v, %v", q, err)
	}
	if err := Only(q, "after", "limit", "more"); err != nil {
		t.Error(err)
	}
	if f, ok := fault.As(Only(q, "after")); !ok || f.Code != fault.Invalid || f.Details["field"] != "limit" {
		t.Errorf("an unknown parameter: %v", f)
	}
}

func second[T any](_ T, err error) error { return err }

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "a=1", "a=1&a=2", "%%%", "a=\xff", "a;b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := Read(raw)
		if err != nil {
			return
		}
		again, err := Read(q.Encode())
		if len(q.Encode()) > Max {
			return
		}
		if err != nil || again.Encode() != q.Encode() {
			t.Errorf("%q was read as %v, and again as %v, %v", raw, q, again, err)
		}
	})
}
