package site

import (
	"slices"
	"strings"
	"time"

	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
)

// maxBlocks is how many sites may be blocked; only sites of the configuration
// ever get that far.
const maxBlocks = 256

// Name is who asks, for the person and for what is counted: an origin that the
// browser on this computer told, or one that a gateway claims.
func Name(origin, gateway string) string {
	if gateway == "" {
		return origin
	}
	return origin + relayedBy + gateway
}

// relayedBy stands between an origin and the gateway that claims it.
const relayedBy = " through the relay at "

// Block is a site that the person blocked.
type Block struct {
	Origin string    `json:"origin"` // or one with the gateway that claims it
	Since  time.Time `json:"since"`
}

// Blocks is the list of sites that the person blocked at the prompt, in
// blocks.json.
type Blocks struct{ file *statefile.List[Block] }

// OpenBlocks is the list in a bridge's state directory.
func OpenBlocks(stateDir string) *Blocks {
	return &Blocks{statefile.NewList[Block](stateDir, "blocks")}
}

// List returns all blocked sites, the oldest block first.
func (b *Blocks) List() ([]Block, error) { return b.file.Read() }

// Has reports whether a site is blocked.
func (b *Blocks) Has(origin string) (bool, error) {
	list, err := b.List()
	return slices.ContainsFunc(list, func(x Block) bool { return x.Origin == origin }), err
}

// Add blocks a site from now on.
func (b *Blocks) Add(origin string, now time.Time) error {
	return b.file.Change(func(list []Block) ([]Block, error) {
		if slices.ContainsFunc(list, func(x Block) bool { return x.Origin == origin }) {
			return list, nil
		}
		if len(list) >= maxBlocks {
			return nil, fault.New(fault.Limited, "too many sites are blocked: remove them from the configuration instead")
		}
		return append(list, Block{Origin: origin, Since: now.UTC().Truncate(time.Second)}), nil
	})
}

// Meant reports whether which is the block's site, also where a gateway claims it, or
// "all".
func (x Block) Meant(which string) bool {
	return which == All || x.Origin == which || strings.HasPrefix(x.Origin, which+relayedBy)
}

// Unblock lets a site ask again, or "all" of them, and returns what was blocked.
func (b *Blocks) Unblock(which string) (gone []Block, err error) {
	err = b.file.Change(func(list []Block) ([]Block, error) {
		return slices.DeleteFunc(list, func(x Block) bool {
			if x.Meant(which) {
				gone = append(gone, x)
			}
			return x.Meant(which)
		}), nil
	})
	return gone, err
}
