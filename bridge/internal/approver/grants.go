package approver

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"countersign/bridge/internal/member"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// grants are what pages were allowed: for each pairing and key, by the person,
// for as long as the token stays unlocked. That a token is unlocked allows nobody
// anything.
type grants struct {
	mu sync.Mutex
	of map[grant]string // the token
}

type grant struct {
	pairing string
	key     string // thumbprint
}

func newGrants() *grants { return &grants{of: map[grant]string{}} }

func (g *grants) has(pairing string, key jws.PublicKey) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.of[grant{pairing, key.Thumbprint()}]
	return ok
}

func (g *grants) give(pairing, device string, keys []member.Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		g.of[grant{pairing, k.Public.Thumbprint()}] = device
	}
}

// takePairing takes back what a page was allowed.
func (g *grants) takePairing(pairing string) {
	g.take(func(k grant, _ string) bool { return k.pairing == pairing })
}

// takeDevice takes back what anybody was allowed with a token.
func (g *grants) takeDevice(device string) {
	g.take(func(_ grant, d string) bool { return d == device })
}

func (g *grants) take(which func(grant, string) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.of, which)
}

// on returns the identity's keys that are in a token, whichever attributes of it their
// URIs have.
func (id *identity) on(device string) (all []member.Key) {
	for _, k := range id.Keys() {
		if id.tokens.Token(k.URI) == device {
			all = append(all, k)
		}
	}
	return all
}

// purposes say to people what a key of a member is for.
var purposes = map[string]string{
	member.PurposeApproval: "the approval key of %s, which signs what you approve",
	member.PurposeChannel:  "the channel key of %s, which opens channels to the vault",
}

// devices are the identity's tokens: one, or two.
func (id *identity) devices() []string {
	all := []string{id.token()}
	if id.ChannelIn == statement.InToken {
		if d := id.tokens.Token(id.ChannelKey); d != all[0] {
			all = append(all, d)
		}
	}
	return all
}

// allows says what a person allows a page when they unlock a token for it. The
// same yes is good for all of it, so that nobody is asked twice.
func (id *identity) allows(site, device string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Until the token is pulled or locked, %s may use:\n", site)
	for _, k := range id.on(device) {
		fmt.Fprintf(&b, "- "+purposes[k.Purpose]+"\n", id.Name)
	}
	b.WriteString("You will still be asked about every signature.\n")
	return b.String()
}
