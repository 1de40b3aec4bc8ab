package signer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/bridge/internal/access"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/peer"
	"countersign/bridge/internal/tokendir"
	"countersign/shared/fault"
	"countersign/shared/shell"
)

// neighbours decides which users of this computer the signer serves: not one that
// could read or exchange the PIN of the vault or reach the store of its module, because
// such a gateway would not have to ask the signer at all.
type neighbours struct {
	own     int
	same    bool         // allow_same_user
	allowed map[int]bool // nil: every user whom the socket lets in
	secrets []string     // files and folders, and the links in them
	trusted []string     // files that all users may read: the module and its configuration
	log     *slog.Logger
	now     func() time.Time

	mu   sync.Mutex
	told map[int]time.Time // when a refusal of each user was last logged
}

// The log names a user who is refused once in tellEvery, and at most maxTold users
// in that time.
const tellEvery = time.Minute

// neighboursOf reads peers, allow_same_user and private; maker is what the vault token
// says of its own. It fails with INVALID_REQUEST for a user who does not exist, peers
// whom the socket keeps out, secrets that all users can reach, and a SoftHSM whose store
// is not found.
func neighboursOf(cfg Config, s socket, maker string, log *slog.Logger) (*neighbours, error) {
	invalid := func(field, why string) (*neighbours, error) {
		return nil, fault.New(fault.Invalid, field+" "+why).With("field", field)
	}
	keys, err := storeOf(cfg.Module, maker)
	if err != nil {
		return invalid("module", "is SoftHSM, and who could reach the vault's keys cannot be told: "+err.Error())
	}
	n := &neighbours{own: os.Geteuid(), same: cfg.SameUser, secrets: secretsOf(cfg, keys), trusted: trustedOf(cfg, keys), log: log, now: time.Now, told: map[int]time.Time{}}
	for _, name := range cfg.Peers {
		uid, err := userID(name)
		if err != nil {
			return invalid("peers", fmt.Sprintf("names %q, which is not a user of this computer", name))
		}
		if s.mode == ownMode && uid != n.own && uid != 0 {
			return invalid("peers", fmt.Sprintf("names %q, and the socket has mode 0600: name a socket_group that this user is in", name))
		}
		if n.allowed == nil {
			n.allowed = map[int]bool{}
		}
		n.allowed[uid] = true
	}
	for _, path := range slices.Clone(n.secrets) {
		ways, err := access.Ways(path)
		if err != nil {
			return nil, fmt.Errorf("look at what the vault keeps to itself: %w", err)
		}
		n.secrets = append(n.secrets, ways...)
	}
	for _, path := range n.secrets {
		switch everybody := access.Everybody; {
		case everybody.Reach(path) != "":
			return invalid("private", path+" can be reached by every user of this computer: chmod o-rwx "+shell.Word(path))
		case everybody.Exchange(path) != "":
			return invalid("private", path+" is not safe from any user of this computer: "+everybody.Exchange(path))
		}
	}
	for _, path := range n.trusted {
		v := access.Others(path)
		if v.Refuse != "" {
			return invalid("module", "is not safe: "+v.Refuse)
		}
		if v.Warn != "" {
			log.Warn("another user could change the module or its configuration", "who", v.Warn)
		}
	}
	if n.same {
		log.Warn("allow_same_user is set: a gateway that runs as the signer's user could read the vault's PIN. It is for sandboxes only")
	}
	return n, nil
}

// secretsOf lists what a peer must not be able to reach: the file of the PIN, the
// store of the module where it is known, and the state directory, in which the
// operator's word on the clock is left.
func secretsOf(cfg Config, keys tokendir.Store) []string {
	all := append(slices.Clone(cfg.Private), keys.Folders...)
	if cfg.StateDir != "" {
		all = append(all, cfg.StateDir)
	}
	if cfg.PINFile != "" {
		all = append(all, cfg.PINFile)
	}
	if uri, err := device.ParseURI(cfg.Token); err == nil {
		if path, ok := strings.CutPrefix(uri.PINSource, "file:"); ok {
			all = append(all, path)
		}
	}
	return all
}

// trustedOf lists what a peer must not be able to change: the module, which learns the
// PIN, and the configuration that tells it where its store is.
func trustedOf(cfg Config, keys tokendir.Store) []string {
	all := slices.Clone(keys.Configurations)
	if strings.Contains(cfg.Module, "/") { // the loader finds another
		all = append(all, cfg.Module)
	}
	return all
}

// admit fails with AUTHORIZATION_ERROR (details reason=peer) for a user who is not
// served; known is false when the system does not tell who it is, and groups are
// those of the program, besides the user's.
func (n *neighbours) admit(uid int, known bool, groups ...int) error {
	refuse := func(why, because string) error {
		n.tell(uid, because)
		return fault.New(fault.Forbidden, "the signer does not serve this user: "+why).With("reason", "peer")
	}
	switch {
	case !known && n.same:
		return nil
	case !known:
		return refuse("the system does not tell who it is", "it is not known who it is")
	case n.allowed != nil && !n.allowed[uid]:
		return refuse("peers in its configuration does not name it", "it is not in peers")
	case n.same && (uid == n.own || uid == 0):
		return nil
	case uid == n.own:
		return refuse("it is the signer's own, which can read the PIN of the vault; run the gateway as another user", "it is the signer's own user")
	}
	who := access.AccountOf(uid)
	who.GIDs = append(who.GIDs, groups...)
	for _, path := range n.secrets {
		if how := who.Threat(path); how != "" {
			return refuse("it can read or exchange the PIN of the vault, or reach the store of its keys or the log; run the gateway as a user who cannot", how)
		}
	}
	for _, path := range n.trusted {
		if how := who.Change(path); how != "" {
			return refuse("it can change the PKCS#11 module or its configuration; run the gateway as a user who cannot", how)
		}
	}
	return nil
}

// tell logs a refusal, once a minute for each user.
func (n *neighbours) tell(uid int, because string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for u, at := range n.told {
		if now.Sub(at) >= tellEvery {
			delete(n.told, u)
		}
	}
	if _, lately := n.told[uid]; lately || len(n.told) >= maxTold {
		return
	}
	n.told[uid] = now
	n.log.Warn("a program of this user was refused", "uid", uid, "because", because)
}

// judgedFor is how long a verdict on a connection lasts: files and groups change
// while it is open.
const judgedFor = 10 * time.Second

// verdict is whether the user at the other end of a connection is served.
type verdict struct {
	n      *neighbours
	uid    int
	known  bool
	groups []int

	mu  sync.Mutex
	at  time.Time
	err error
}

// refused is why the user is not served, judged again when that was a while ago.
func (v *verdict) refused() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now := v.n.now(); v.at.IsZero() || now.Sub(v.at).Abs() >= judgedFor {
		v.at, v.err = now, v.n.admit(v.uid, v.known, v.groups...)
	}
	return v.err
}

type verdictKey struct{}

// judge notes, for each connection, who is at its other end.
func (n *neighbours) judge(ctx context.Context, c net.Conn) context.Context {
	uid, known := peer.UnixUser(c)
	return context.WithValue(ctx, verdictKey{}, &verdict{n: n, uid: uid, known: known, groups: peer.UnixGroups(c)})
}

// guard answers what comes through a connection of a user who is not served.
func (s *Service) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, ok := r.Context().Value(verdictKey{}).(*verdict)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if err := v.refused(); err != nil {
			w.Header().Set("Connection", "close")
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}
