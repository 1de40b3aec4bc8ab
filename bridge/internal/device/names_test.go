package device

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

func TestTokensAreCalledAndNamedByWhatTellsThemApart(t *testing.T) {
	t.Parallel()
	var ids []Identity
	m := &module{}
	for _, of := range [][3]string{{"alone", "A", "1"}, {"alice", "A", "1"}, {"alice", "A", "2"}, {"bob", "A", "1"}, {"bob", "B", "1"}, {"", "A", "7"}, {"carol", "A", ""}, {"carol", "A", "3"},
		{"A\x01B", "A", "1"}, {`"A\x01B"`, "A", "1"}, {"AB", "A", "1"}, {"alice (serial 1)", "A", "1"}, {"Card (User PIN)", "A", "1"}, {"Caf\xe9", "A", "1"}, {"Caf\xe8", "A", "1"}, {" alone", "A", "1"},
		{"dan", "\x01" + strings.Repeat("m", 31), "1"}, {"dan", "\x01" + strings.Repeat("m", 30), "1"}} {
		id := Identity{Label: of[0], Manufacturer: of[1], Model: "m", Serial: of[2]}
		ids = append(ids, id)
		m.known = append(m.known, &Device{module: m, id: id, present: true})
	}
	d := &Devices{modules: []*module{m}}
	seen := map[string]bool{}
	for i, want := range []string{"alone", "alice (serial 1)", "alice (serial 2)", "bob (A m, serial 1)", "bob (B m, serial 1)", "A m (serial 7)", "carol (no serial)", "carol (serial 3)",
		`"A\x01B"`, `"\"A\\x01B\""`, "AB", `"alice \x28serial 1\x29"`, "Card (User PIN)", `"Caf\xe9"`, `"Caf\xe8"`, `" alone"`,
		`dan ("\x01` + strings.Repeat("m", 27) + `…", serial 1, no. 2)`, `dan ("\x01` + strings.Repeat("m", 27) + `…", serial 1, no. 1)`} {
		if got := d.Name(ids[i]); got != want || seen[got] || len(got) > frame.MaxName {
			t.Errorf("%+v is called %q, want %q", ids[i], got, want)
		}
		seen[d.Name(ids[i])] = true
		for _, u := range []URI{d.Brief(ids[i]), ids[i].URI()} { // what is printed is accepted
			again, err := ParseURI(u.String())
			if err != nil {
				t.Fatal(err)
			}
			if k, err := d.Known(again); err != nil || k == nil || k.id != ids[i] {
				t.Errorf("%s: %v, %v", u, k, err)
			}
		}
	}
	for i := range 2 { // as long as it gets, and it fits into a frame
		id := Identity{Label: strings.Repeat("\x01", 32), Manufacturer: strings.Repeat("\xff", 32), Model: strings.Repeat("\xff", 16-i), Serial: strings.Repeat("\x01", 16)}
		m.known = append(m.known, &Device{module: m, id: id})
		if got := d.Name(id); len(got) > frame.MaxName || seen[got] {
			t.Errorf("%d bytes: %s", len(got), got)
		}
	}
	if _, err := d.Known(URI{Token: "alice"}); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "serial=2") {
		t.Errorf("two match: %v", err)
	}
	m.known[1].present = false // of two, the one that is plugged in is meant
	if k, err := d.Known(URI{Token: "alice"}); err != nil || k != m.known[2] {
		t.Errorf("%v, %v", k, err)
	}
}
