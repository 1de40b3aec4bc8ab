package site

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
)

// maxPairings is how many pages may be paired.
const maxPairings = 256

// Pairing is a page's key that the person accepted for one origin.
type Pairing struct {
	ID       string    `json:"id"` // for people: from the key
	Origin   string    `json:"origin"`
	Key      string    `json:"key"` // X25519 public key, base64url
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used"`
}

// Pairings is the list of pages that are paired, in pairings.json.
type Pairings struct{ file *statefile.List[Pairing] }

// OpenPairings is the list in a bridge's state directory.
func OpenPairings(stateDir string) *Pairings {
	return &Pairings{statefile.NewList[Pairing](stateDir, "pairings")}
}

// List returns all pairings, the oldest first.
func (p *Pairings) List() ([]Pairing, error) { return p.file.Read() }

func (q Pairing) of(origin string, key []byte) bool {
	return q.Origin == origin && q.Key == base64.RawURLEncoding.EncodeToString(key)
}

// useEvery is how exact the time of the last use is: a use is written once in that
// time.
const useEvery = time.Minute

// Use reports whether this key is paired for this origin, and notes that it is used
// now.
func (p *Pairings) Use(origin string, key []byte, now time.Time) (known bool, err error) {
	list, err := p.List()
	i := slices.IndexFunc(list, func(q Pairing) bool { return q.of(origin, key) })
	if err != nil || i < 0 {
		return false, err
	}
	if now.Sub(list[i].LastUsed).Abs() < useEvery {
		return true, nil
	}
	known = true
	err = p.file.Change(func(list []Pairing) ([]Pairing, error) {
		known = false // it may have been revoked since
		for i := range list {
			if list[i].of(origin, key) {
				list[i].LastUsed, known = now.UTC().Truncate(time.Second), true
			}
		}
		return list, nil
	})
	return known, err
}

// Add stores a pairing, or notes that one was used now.
func (p *Pairings) Add(origin string, key []byte, now time.Time) error {
	return p.file.Change(func(list []Pairing) ([]Pairing, error) {
		now := now.UTC().Truncate(time.Second)
		for i := range list {
			if list[i].of(origin, key) {
				list[i].LastUsed = now
				return list, nil
			}
		}
		if len(list) >= maxPairings {
			return nil, fault.New(fault.Limited, "too many pages are paired: revoke some")
		}
		return append(list, Pairing{ID: PairingID(origin, key), Origin: origin, Key: base64.RawURLEncoding.EncodeToString(key), Name: origin, Created: now, LastUsed: now}), nil
	})
}

// Revoke removes the pairings with this id or origin and returns them; "all"
// removes every one.
func (p *Pairings) Revoke(which string) (gone []Pairing, err error) {
	err = p.file.Change(func(list []Pairing) ([]Pairing, error) {
		return slices.DeleteFunc(list, func(q Pairing) bool {
			if q.Meant(which) {
				gone = append(gone, q)
			}
			return q.Meant(which)
		}), nil
	})
	return gone, err
}

// All names every pairing, or every blocked site.
const All = "all"

// Meant reports whether which is the pairing's id, its origin, or "all".
func (q Pairing) Meant(which string) bool {
	return which == All || q.ID == which || q.Origin == which
}

// PairingID names a page's key at one origin.
func PairingID(origin string, key []byte) string {
	sum := sha256.Sum256(append([]byte(origin+"\n"), key...))
	return hex.EncodeToString(sum[:8])
}
