// Package intenttest makes and changes intents in tests. It panics where a test has
// made a mistake. Every test that holds requests or statements uses it.
package intenttest

import (
	"countersign/shared/intent"
)

// Doc is the canonical form of an intent, right or wrong.
func Doc(i intent.Intent) intent.Doc {
	d, err := intent.Encode(i)
	if err != nil {
		panic(err)
	}
	return d
}

// Buy opens a purchase, right or wrong.
func Buy(d intent.Doc) intent.Buy {
	i, err := intent.Draft(d)
	if err != nil {
		panic(err)
	}
	return i.(intent.Buy)
}

// Edit changes a purchase where it stands.
func Edit(d *intent.Doc, f func(*intent.Buy)) {
	b := Buy(*d)
	f(&b)
	*d = Doc(b)
}
