package link

import (
	"io"

	"countersign/shared/link/linkkey"
)

// Key is a [DH] whose static key is in memory: the bridge's, which it reads from
// its state directory, and those of tests.
type Key = linkkey.Key

// NewKey makes a key from 32 random bytes.
func NewKey(random io.Reader) (*Key, error) { return linkkey.New(random) }

// ParseKey reads the 32 bytes that [Key.Bytes] gave.
func ParseKey(private []byte) (*Key, error) { return linkkey.Parse(private) }
