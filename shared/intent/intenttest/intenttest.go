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

// Edit changes an intent of a kind where it stands.
func Edit[T intent.Intent](d *intent.Doc, f func(*T)) {
	i, err := intent.Draft(*d)
	if err != nil {
		panic(err)
	}
	v := i.(T)
	f(&v)
	*d = Doc(v)
}
