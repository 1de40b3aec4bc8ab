package approver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
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

// pairingFile is pairings.json.
type pairingFile struct {
	Pairings []Pairing `json:"pairings"`
}

// Pairings is the list of pages that are paired, in a file that a running bridge
// and the command line share: each use looks whether it was replaced.
type Pairings struct {
	dir string
	mu  sync.Mutex

	readMu sync.Mutex
	file   os.FileInfo // of what list was read from
	list   []Pairing
}

// OpenPairings is the list in a bridge's state directory.
func OpenPairings(stateDir string) *Pairings { return &Pairings{dir: stateDir} }

func (p *Pairings) path() string { return filepath.Join(p.dir, "pairings.json") }

// List returns all pairings, the oldest first.
func (p *Pairings) List() ([]Pairing, error) {
	p.readMu.Lock()
	defer p.readMu.Unlock()
	info, err := os.Stat(p.path())
	if errors.Is(err, fs.ErrNotExist) {
		p.file, p.list = nil, nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the pairings: %w", err)
	}
	// A change is a rename, so it is another file.
	if p.file != nil && os.SameFile(info, p.file) && info.ModTime().Equal(p.file.ModTime()) && info.Size() == p.file.Size() {
		return slices.Clone(p.list), nil
	}
	data, err := readFile(p.path())
	if err != nil {
		return nil, fmt.Errorf("read the pairings: %w", err)
	}
	var f pairingFile
	if err := strictjson.Unmarshal(data, &f, maxConfig); err != nil {
		return nil, fmt.Errorf("read %s: %w", p.path(), err)
	}
	p.file, p.list = info, f.Pairings
	return slices.Clone(f.Pairings), nil
}

// Has reports whether this key is paired for this origin.
func (p *Pairings) Has(origin string, key []byte) (bool, error) {
	list, err := p.List()
	encoded := base64.RawURLEncoding.EncodeToString(key)
	return slices.ContainsFunc(list, func(q Pairing) bool { return q.Origin == origin && q.Key == encoded }), err
}

// Add stores a pairing, or notes that one was used now.
func (p *Pairings) Add(origin string, key []byte, now time.Time) error {
	return p.change(func(list []Pairing) ([]Pairing, error) {
		now := now.UTC().Truncate(time.Second)
		encoded := base64.RawURLEncoding.EncodeToString(key)
		for i := range list {
			if list[i].Origin == origin && list[i].Key == encoded {
				list[i].LastUsed = now
				return list, nil
			}
		}
		if len(list) >= maxPairings {
			return nil, fault.New(fault.Limited, "too many pages are paired: revoke some")
		}
		return append(list, Pairing{ID: pairingID(origin, key), Origin: origin, Key: encoded, Name: origin, Created: now, LastUsed: now}), nil
	})
}

// Revoke removes the pairings with this id or origin and returns them; "all"
// removes every one.
func (p *Pairings) Revoke(which string) (gone []Pairing, err error) {
	err = p.change(func(list []Pairing) ([]Pairing, error) {
		return slices.DeleteFunc(list, func(q Pairing) bool {
			match := which == "all" || q.ID == which || q.Origin == which
			if match {
				gone = append(gone, q)
			}
			return match
		}), nil
	})
	return gone, err
}

// change rewrites the file while no other process does.
func (p *Pairings) change(edit func([]Pairing) ([]Pairing, error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	lock, err := os.OpenFile(p.path()+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("write the pairings: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("write the pairings: %w", err)
	}
	list, err := p.List()
	if err != nil {
		return err
	}
	if list, err = edit(list); err != nil {
		return err
	}
	if list == nil {
		list = []Pairing{}
	}
	data, err := json.MarshalIndent(pairingFile{list}, "", "  ")
	if err != nil {
		return err
	}
	next := p.path() + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the pairings: %w", err)
	}
	if err := os.Rename(next, p.path()); err != nil {
		return fmt.Errorf("write the pairings: %w", err)
	}
	return nil
}

// pairingID names a page's key at one origin.
func pairingID(origin string, key []byte) string {
	sum := sha256.Sum256(append([]byte(origin+"\n"), key...))
	return hex.EncodeToString(sum[:8])
}
