package device

import (
	"fmt"
	"slices"
	"strings"

	"countersign/bridge/internal/hsm"
	"countersign/shared/name"
)

// Brief is a short URI of a token: its label, and everything where another token has
// the same.
func (d *Devices) Brief(id Identity) URI {
	u := URI{Token: id.Label}
	if k, err := d.Known(u); u.Token == "" || err != nil || k == nil || k.id != id || len(d.match(u)) > 1 {
		return id.URI()
	}
	return u
}

// Name is what a token is called to people, in all but its module's errors: its label as
// it is shown, and where another token's is shown the same, what tells them apart. It is
// not for finding a token.
func (d *Devices) Name(id Identity) string {
	var same []Identity // with this one, in the same order each time
	for _, k := range d.All() {
		if k.id.Shown() == id.Shown() && !slices.Contains(same, k.id) {
			same = append(same, k.id)
		}
	}
	slices.SortFunc(same, func(a, b Identity) int { return strings.Compare(a.URI().String(), b.URI().String()) })
	for _, called := range []func(Identity) string{byLabel, bySerial, byEverything} {
		if !slices.ContainsFunc(same, func(o Identity) bool { return o != id && called(o) == called(id) }) {
			return called(id)
		}
	}
	return fmt.Sprintf("%s, no. %d)", strings.TrimSuffix(byEverything(id), ")"), slices.Index(same, id)+1)
}

// How long the shown forms in a name may be, in bytes: with the label's they fit into a
// frame.
const (
	maxSerial = 48
	maxMaker  = 32
)

func byLabel(id Identity) string {
	if id.Label == "" && id.Serial != "" { // a URI by the serial number finds it
		return bySerial(id)
	}
	return id.Shown()
}

func bySerial(id Identity) string { return fmt.Sprintf("%s (%s)", id.Shown(), serial(id)) }

func byEverything(id Identity) string {
	maker := hsm.Clip(name.Shown(strings.TrimSpace(id.Manufacturer+" "+id.Model)), maxMaker)
	return fmt.Sprintf("%s (%s, %s)", id.Shown(), maker, serial(id))
}

func serial(id Identity) string {
	if id.Serial == "" {
		return "no serial"
	}
	return "serial " + hsm.Clip(name.Shown(id.Serial), maxSerial)
}
