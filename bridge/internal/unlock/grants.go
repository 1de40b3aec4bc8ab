package unlock

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"countersign/bridge/internal/member"
	"countersign/shared/jws"
)

// grants are what askers were allowed: for each pairing and key, by the person,
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

// takePairing takes back what an asker was allowed.
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

// purposes say to people what a key of a member is for.
var purposes = map[string]string{
	member.PurposeApproval: "the approval key of %s, which signs what you approve",
	member.PurposeChannel:  "the channel key of %s, which opens channels to the vault",
}

// allows says what a person allows an asker when they unlock a token for it. The same
// yes is good for all of it, so that nobody is asked twice.
func (k *Key) allows() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Until the token is pulled or locked, %s may use:\n", k.user.asker.Who().Site)
	for _, key := range k.keeper.on(k.identity, k.token()) {
		fmt.Fprintf(&b, "- "+purposes[key.Purpose]+"\n", k.identity.Name)
	}
	b.WriteString("You will still be asked about every signature.\n")
	return b.String()
}
