package signer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/peer"
	"countersign/shared/fault"
)

// neighbours decides which users of this computer the signer serves: not one that
// could read the PIN of the vault or reach the store of its module, because such a
// gateway would not have to ask the signer at all.
type neighbours struct {
	own     int
	same    bool         // allow_same_user
	allowed map[int]bool // nil: every user whom the socket lets in
	secrets []string     // files and folders
	log     *slog.Logger
	now     func() time.Time

	mu   sync.Mutex
	told map[int]time.Time // when a refusal of each user was last logged
}

// The log names a user who is refused once in tellEvery, and at most maxTold users
// in that time.
const tellEvery = time.Minute

// neighboursOf reads peers, allow_same_user and private. It fails with
// INVALID_REQUEST for a user who does not exist, peers whom the socket keeps out,
// and secrets that everybody can reach.
func neighboursOf(cfg Config, s socket, log *slog.Logger) (*neighbours, error) {
	n := &neighbours{own: os.Geteuid(), same: cfg.SameUser, secrets: secretsOf(cfg), log: log, now: time.Now, told: map[int]time.Time{}}
	invalid := func(field, why string) (*neighbours, error) {
		return nil, fault.New(fault.Invalid, field+" "+why).With("field", field)
	}
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
	for _, path := range n.secrets {
		if reaches(path, account{uid: -1}) {
			return invalid("private", path+" can be reached by every user of this computer: chmod o-rwx "+path)
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
func secretsOf(cfg Config) []string {
	all := slices.Clone(cfg.Private)
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
	if strings.Contains(strings.ToLower(filepath.Base(cfg.Module)), "softhsm") {
		if store := softHSMStore(); store != "" {
			all = append(all, store)
		}
	}
	return all
}

// softHSMStore is the folder of SoftHSM's tokens, by its configuration; empty when
// it cannot be found.
func softHSMStore() string {
	paths := []string{os.Getenv("SOFTHSM2_CONF")}
	if paths[0] == "" {
		home, _ := os.UserHomeDir() // without one, the next is read
		paths = []string{filepath.Join(home, ".config/softhsm2/softhsm2.conf"), "/etc/softhsm/softhsm2.conf", "/etc/softhsm2.conf"}
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(io.LimitReader(f, 64<<10)); lines.Scan(); {
			name, value, ok := strings.Cut(lines.Text(), "=")
			if ok && strings.TrimSpace(name) == "directories.tokendir" {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	return ""
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
	who := accountOf(uid)
	who.gids = append(who.gids, groups...)
	for _, path := range n.secrets {
		if reaches(path, who) {
			return refuse("it can read the PIN of the vault, or reach the store of its keys or the log; run the gateway as a user who cannot", "it can reach "+path)
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

type verdictKey struct{}

// judge notes, for each connection, whether its user is served.
func (n *neighbours) judge(ctx context.Context, c net.Conn) context.Context {
	uid, known := peer.UnixUser(c)
	return context.WithValue(ctx, verdictKey{}, n.admit(uid, known, peer.UnixGroups(c)...))
}

// guard answers what comes through a connection of a user who is not served.
func (s *Service) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err, _ := r.Context().Value(verdictKey{}).(error); err != nil {
			w.Header().Set("Connection", "close")
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// account is a user and the groups they are in; uid -1 is somebody without a name.
type account struct {
	uid  int
	gids []int
}

func accountOf(uid int) account {
	a := account{uid: uid}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return a // a number without a name is in no group
	}
	ids, err := u.GroupIds()
	if err != nil {
		ids = []string{u.Gid}
	}
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil {
			a.gids = append(a.gids, gid)
		}
	}
	return a
}

// may reports whether a file's mode lets an account do one of the things in bits:
// 4 read, 2 write, 1 enter.
func (a account) may(info os.FileInfo, bits fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case a.uid == 0:
		return true
	case ok && int(stat.Uid) == a.uid:
		return true // who owns it can change its mode
	case ok && slices.Contains(a.gids, int(stat.Gid)):
		return mode>>3&bits != 0
	}
	return mode&bits != 0
}

// closedTo is the first folder on the way to dir that an account cannot enter; empty
// when there is none.
func closedTo(dir string, a account) string {
	for path := dir; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil || !a.may(info, 1) {
			return path
		}
		if path == filepath.Dir(path) {
			return ""
		}
	}
}

// reaches reports whether an account can do anything with a file or a folder. What
// is not there cannot be reached.
func reaches(path string, a account) bool {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		return true // it is not known
	}
	if real, err = filepath.Abs(real); err != nil {
		return true
	}
	info, err := os.Stat(real)
	if err != nil {
		return true
	}
	return a.may(info, 7) && closedTo(filepath.Dir(real), a) == ""
}
