package signer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"countersign/bridge/internal/access"
	"countersign/shared/fault"
	"countersign/shared/shell"
)

// The modes of the socket.
const (
	ownMode   fs.FileMode = 0o600 // the signer's own user
	groupMode fs.FileMode = 0o660 // and socket_group
)

// socket is where the signer listens, and who can reach it by its mode.
type socket struct {
	path string
	mode fs.FileMode
	gid  int // -1: the group of the signer's process
}

// socketOf reads socket, socket_group and socket_mode. It fails with INVALID_REQUEST
// when they do not fit each other, or the folder.
func socketOf(cfg Config) (socket, error) {
	s := socket{path: cfg.Socket, mode: ownMode, gid: -1}
	invalid := func(field, why string) (socket, error) {
		return socket{}, fault.New(fault.Invalid, field+" "+why).With("field", field)
	}
	if cfg.Socket == "" {
		return invalid("socket", "is missing: the path of the unix socket for the gateway")
	}
	if cfg.SocketGroup != "" {
		gid, err := groupID(cfg.SocketGroup)
		if err != nil {
			return invalid("socket_group", fmt.Sprintf("%q is not a group of this computer", cfg.SocketGroup))
		}
		s.gid, s.mode = gid, groupMode
	}
	if cfg.SocketMode != "" {
		mode, err := strconv.ParseUint(cfg.SocketMode, 8, 32)
		if err != nil || fs.FileMode(mode) != ownMode && fs.FileMode(mode) != groupMode {
			return invalid("socket_mode", "is 0600, or 0660 with a socket_group: others never reach the signer")
		}
		s.mode = fs.FileMode(mode)
	}
	if s.mode == groupMode && s.gid < 0 {
		return invalid("socket_mode", "is 0660, and no socket_group says for whom")
	}
	if s.mode == ownMode && s.gid >= 0 {
		return invalid("socket_mode", "is 0600, so that socket_group cannot use it: leave one of the two out")
	}
	return s, s.checkFolder()
}

// checkFolder refuses a folder in which others could put another socket, and one
// that the group of the socket cannot enter.
func (s socket) checkFolder() error {
	dir := filepath.Dir(s.path)
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("find the folder of the socket: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fault.New(fault.Invalid, fmt.Sprintf("others may write to %s, and put another socket there: chmod go-w %s", dir, shell.Word(dir))).With("field", "socket")
	}
	all := access.Everybody
	if s.gid >= 0 {
		all.GIDs = []int{s.gid}
	}
	if how := all.Exchange(dir); how != "" {
		return fault.New(fault.Invalid, "another user may put another folder of the socket there: "+how).With("field", "socket")
	}
	if s.gid < 0 {
		return nil
	}
	if closed := all.Closed(dir); closed != "" {
		return fault.New(fault.Invalid, fmt.Sprintf("the group of the socket cannot enter %s: let it (chgrp, chmod g+x), or put the socket elsewhere", closed)).With("field", "socket")
	}
	return nil
}

// listen makes the socket, with its mode and group before anybody can find it: in a
// directory of its own, from which it is moved to its path. What a crash left there
// goes. It fails with CONFLICT when a program answers there, and leaves alone what
// is not a socket, such as a symbolic link.
func (s socket) listen(ctx context.Context) (net.Listener, error) {
	if info, err := os.Lstat(s.path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fault.New(fault.Invalid, s.path+" exists and is not a socket: it is left alone").With("field", "socket")
		}
		if s.answers(ctx) {
			return nil, fault.New(fault.Conflict, "another program listens on "+s.path)
		}
	}
	dir, err := os.MkdirTemp(filepath.Dir(s.path), ".s")
	if err != nil {
		return nil, fmt.Errorf("make the socket: %w", err)
	}
	hidden := filepath.Join(dir, "s")
	l, err := net.Listen("unix", hidden)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the socket: %w", err), os.Remove(dir))
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	if err = os.Lchown(hidden, -1, s.gid); errors.Is(err, syscall.EPERM) {
		err = fault.Wrap(err, fault.Invalid, "the signer's user must be a member of socket_group").With("field", "socket_group")
	}
	if err == nil {
		err = os.Chmod(hidden, s.mode)
	}
	if err == nil {
		err = os.Rename(hidden, s.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the socket: %w", err), l.Close(), os.RemoveAll(dir))
	}
	return l, os.Remove(dir)
}

// answers reports whether a program listens on the socket.
func (s socket) answers(ctx context.Context) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", s.path)
	if err != nil {
		return false
	}
	_ = c.Close() // nothing was said
	return true
}

// groupID and userID read a name or a number.
func groupID(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		name = g.Gid
	}
	return number32(name)
}

func userID(name string) (int, error) {
	if u, err := user.Lookup(name); err == nil {
		name = u.Uid
	}
	return number32(name)
}

func number32(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}
