package vault

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Newest stands for a time in the log after every entry that there is.
const Newest = math.MaxInt64

// Object is an object of the vault with all its versions, none of which is overwritten.
type Object[T any] struct {
	ID       string       `json:"id"`
	Versions []Version[T] `json:"versions"`
}

// Version is one version of an object.
type Version[T any] struct {
	Version int    `json:"version"`
	Seq     int64  `json:"seq"`               // of the entry that made it
	Request string `json:"request,omitempty"` // whose approval made it; empty: the genesis
	Gone    bool   `json:"gone,omitempty"`    // removed: it is of no value from here on
	Value   T      `json:"value"`
}

// objects are those of one kind, by id.
type objects[T any] []Object[T]

// put adds a version of an object, which follows the one before it.
func (o *objects[T]) put(id string, v Version[T]) error {
	i, found := o.find(id)
	if !found {
		*o = slices.Insert(*o, i, Object[T]{ID: id})
	}
	at := &(*o)[i]
	if n := len(at.Versions); n > 0 && at.Versions[n-1].Version >= v.Version {
		return fmt.Errorf("version %d of %s does not follow version %d", v.Version, id, at.Versions[n-1].Version)
	}
	at.Versions = append(at.Versions, v)
	return nil
}

// clone shares the versions, none of which changes.
func (o objects[T]) clone() objects[T] {
	all := slices.Clone(o)
	for i := range all {
		all[i].Versions = slices.Clip(all[i].Versions)
	}
	return all
}

// before are the objects as they were before an entry.
func (o objects[T]) before(seq int64) (all objects[T]) {
	for _, one := range o {
		n := sort.Search(len(one.Versions), func(i int) bool { return one.Versions[i].Seq >= seq })
		if n > 0 {
			all = append(all, Object[T]{one.ID, one.Versions[:n:n]})
		}
	}
	return all
}

// sound reports what is wrong with objects that were kept: each is there once, with
// versions that follow each other.
func (o objects[T]) sound() error {
	for i, one := range o {
		if i > 0 && o[i-1].ID >= one.ID || len(one.Versions) == 0 {
			return fmt.Errorf("%s is not where it belongs, or has no version", one.ID)
		}
		for j, v := range one.Versions[1:] {
			if was := one.Versions[j]; v.Version <= was.Version || v.Seq < was.Seq {
				return fmt.Errorf("version %d of %s does not follow version %d", v.Version, one.ID, was.Version)
			}
		}
	}
	return nil
}

func (o objects[T]) find(id string) (int, bool) {
	i := sort.Search(len(o), func(i int) bool { return o[i].ID >= id })
	return i, i < len(o) && o[i].ID == id
}

// at is the version that counts after an entry of the log; ok is false when there is
// none yet. One that is gone is found too.
func (o objects[T]) at(id string, seq int64) (v Version[T], ok bool) {
	if i, found := o.find(id); found {
		return o[i].at(seq)
	}
	return v, false
}

func (o Object[T]) at(seq int64) (v Version[T], ok bool) {
	for i := len(o.Versions) - 1; i >= 0; i-- {
		if o.Versions[i].Seq <= seq {
			return o.Versions[i], true
		}
	}
	return v, false
}

// numbered is the version with a number.
func (o objects[T]) numbered(id string, version int) (v Version[T], ok bool) {
	if i, found := o.find(id); found {
		for _, v := range o[i].Versions {
			if v.Version == version {
				return v, true
			}
		}
	}
	return v, false
}

// each calls f with the value of each object that counts after an entry.
func (o objects[T]) each(seq int64, f func(id string, value T)) {
	for _, one := range o {
		if v, ok := one.at(seq); ok && !v.Gone {
			f(one.ID, v.Value)
		}
	}
}
