package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticksPerSecond is USER_HZ, which Linux shows to programs on every architecture
// that Go knows.
const ticksPerSecond = 100

// Identify says which program holds the far end of a TCP connection of this
// computer: local is our end, remote the other. It fails when the kernel knows no
// such connection, which is when it has ended. A program whose files may not be
// read is one with a user and nothing else.
func Identify(local, remote netip.AddrPort) (Process, error) {
	return proc("/proc").identify(local, remote)
}

// proc is the folder of a proc file system.
type proc string

func (p proc) identify(local, remote netip.AddrPort) (Process, error) {
	s, err := p.find(unmap(remote), unmap(local))
	if err != nil {
		return Unknown(), err
	}
	found := Process{UID: s.uid}
	link := fmt.Sprintf("socket:[%d]", s.inode)
	for _, pid := range p.pids(s.uid) {
		if !p.holds(pid, link) {
			continue
		}
		found = p.describe(found, pid)
		if !p.holds(pid, link) { // the number belongs to another by now
			return Process{UID: s.uid}, nil
		}
		return found, nil
	}
	return found, nil
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// find looks for the row of a socket, seen from its own end. A socket for IPv6
// can carry IPv4, so both tables may have it.
func (p proc) find(own, other netip.AddrPort) (found socket, err error) {
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		f, err := os.Open(filepath.Join(string(p), name))
		if errors.Is(err, fs.ErrNotExist) && name == "net/tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return found, fmt.Errorf("read the table of sockets: %w", err)
		}
		ok := false
		err = readTable(f, func(s socket) bool {
			if s.local == own && s.remote == other && s.inode != 0 {
				found, ok = s, true
			}
			return !ok
		})
		if err := errors.Join(err, f.Close()); err != nil {
			return found, err
		}
		if ok {
			return found, nil
		}
	}
	return found, fmt.Errorf("no program holds the connection from %s", own)
}

// pids are the processes of a user, the oldest numbers first: a browser's main
// process comes before its helpers.
func (p proc) pids(uid int) (all []int) {
	entries, err := os.ReadDir(string(p))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		var info syscall.Stat_t
		if syscall.Stat(p.of(pid, ""), &info) == nil && int(info.Uid) == uid {
			all = append(all, pid)
		}
	}
	slices.Sort(all)
	return all
}

func (p proc) of(pid int, name string) string {
	return filepath.Join(string(p), strconv.Itoa(pid), name)
}

// holds reports whether a process has a socket open, as far as it lets us look.
func (p proc) holds(pid int, link string) bool {
	dir, err := os.Open(p.of(pid, "fd"))
	if err != nil {
		return false
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(names, func(name string) bool {
		to, err := os.Readlink(p.of(pid, "fd/"+name))
		return err == nil && to == link
	})
}

// describe adds what is known of a process.
func (p proc) describe(found Process, pid int) Process {
	path, err := os.Readlink(p.of(pid, "exe"))
	if err != nil || !filepath.IsAbs(path) {
		return found
	}
	found.PID, found.Path, found.Started = pid, path, p.started(pid)
	found.Warning = unusual(path)
	return found
}

// started is when a process began; the zero time when the kernel does not say.
func (p proc) started(pid int) time.Time {
	stat, err := readSmall(p.of(pid, "stat"))
	if err != nil {
		return time.Time{}
	}
	boot, err := readSmall(filepath.Join(string(p), "stat"))
	if err != nil {
		return time.Time{}
	}
	ticks, ok := startTicks(stat)
	if !ok {
		return time.Time{}
	}
	_, rest, ok := bytes.Cut(boot, []byte("\nbtime "))
	if !ok {
		return time.Time{}
	}
	line, _, _ := bytes.Cut(rest, []byte{'\n'})
	seconds, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds+ticks/ticksPerSecond, 0)
}

// startTicks reads the 22nd field of /proc/PID/stat, the time of the start since
// the computer's own. The second field is a name in brackets that may hold
// anything, brackets and spaces too.
func startTicks(stat []byte) (int64, bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 20 {
		return 0, false
	}
	ticks, err := strconv.ParseInt(string(fields[19]), 10, 64)
	return ticks, err == nil && ticks >= 0
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1<<20))
}

// unusual says what speaks against an executable: anybody could have put it
// there, or it is not the file any more that was started.
func unusual(path string) string {
	if name, ok := strings.CutSuffix(path, " (deleted)"); ok {
		return "its file " + name + " was removed or replaced since it started"
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o002 != 0 {
		return "any user may change its file"
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o002 != 0 {
			return "it is in a folder where any user may put programs: " + dir
		}
		if dir == "/" {
			return ""
		}
	}
}
