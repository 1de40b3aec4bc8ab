package access

import (
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
)

// Where the users and groups of this computer are, of a system that keeps them in files.
const (
	passwdFile = "/etc/passwd"
	groupFile  = "/etc/group"
)

// adminsOfMac is the group of the users of macOS who are root whenever they like, to whom
// the folders of Homebrew belong.
const adminsOfMac = 80

// alone reports whether no user is in a group but the program's own and root, so that what
// the group may, nobody else may.
func alone(gid int) bool {
	if runtime.GOOS == "darwin" && gid == adminsOfMac {
		return true
	}
	passwd, _ := os.ReadFile(passwdFile) // without one, it names nobody
	group, _ := os.ReadFile(groupFile)
	own, primary := "", -1
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		own = u.Username
		primary, _ = strconv.Atoi(u.Gid)
	} else {
		primary = os.Getegid()
	}
	name := ""
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		name = g.Name
	}
	return members{passwd: string(passwd), group: string(group)}.alone(gid, self{uid: os.Geteuid(), name: own, primary: primary, group: name})
}

// self is the program's own user, and the name of the group in question, as the whole
// system knows them, which may have them from elsewhere than the files.
type self struct {
	uid     int
	name    string // empty: it has none
	primary int
	group   string // empty: it has none
}

// members are the texts of passwd(5) and group(5).
type members struct{ passwd, group string }

func (m members) alone(gid int, me self) bool {
	uids, known := map[string]int{}, false
	for line := range strings.Lines(m.passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 {
			continue
		}
		uid, err := strconv.Atoi(f[2])
		if err != nil {
			continue
		}
		uids[f[0]] = uid
		known = known || uid == me.uid
		if f[3] == strconv.Itoa(gid) && uid != me.uid && uid != 0 {
			return false
		}
	}
	listed := false
	for line := range strings.Lines(m.group) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[2] != strconv.Itoa(gid) {
			continue
		}
		listed = true
		for _, name := range strings.Split(f[3], ",") {
			if uid, ok := uids[name]; name != "" && name != me.name && (!ok || uid != me.uid && uid != 0) {
				return false
			}
		}
	}
	if listed && (known || gid != me.primary || gid == 0) {
		return true
	}
	// User or group are from elsewhere (a directory of a company, a container's numbers).
	// Who else is in the group is not known; by custom nobody is in a user's own group,
	// which is called like the user.
	return gid == me.primary && me.group == me.name
}
