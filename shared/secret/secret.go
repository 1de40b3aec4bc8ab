// Package secret keeps secrets to those they belong to, for every program of the
// project: it reads files that only their owner may read, keeps a process's
// memory from others, and shows addresses without what they may carry. It is the
// one package of shared that touches the operating system, so that there is one
// rule for all programs; nothing that a browser downloads imports it.
// SECURITY.md says what each part is for.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"countersign/shared/fault"
	"countersign/shared/shell"
)

// MaxFile is the longest secret that any program reads, in bytes: a key in PEM.
const MaxFile = 64 << 10

// Read reads a secret from a file that only its owner can read: a regular
// file, of this program's user and mode 0600 or less. A file of root's may also be
// readable by a group (mode 0640 or less): that is how root, systemd and
// Kubernetes (fsGroup with defaultMode 0440) hand a secret to a program of another
// user. Symbolic links are followed, and the file at their end is judged. It has
// 1 to most bytes. Everything else is INVALID_REQUEST, with the command that
// mends it; a file that cannot be opened is its [fs.PathError].
func Read(path string, most int) ([]byte, fs.FileInfo, error) {
	if path == "" {
		return nil, nil, fault.New(fault.Invalid, "no file is named that holds the secret")
	}
	f, err := open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read a secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("read a secret: %w", err)
	}
	if err := judge(path, info); err != nil {
		return nil, nil, err
	}
	data := make([]byte, most+1)
	switch n, err := io.ReadFull(f, data); {
	case err == nil:
		clear(data)
		return nil, nil, fault.New(fault.Invalid, fmt.Sprintf("%s is longer than %d bytes", path, most))
	case errors.Is(err, io.EOF):
		return nil, nil, fault.New(fault.Invalid, path+" is empty")
	case !errors.Is(err, io.ErrUnexpectedEOF):
		clear(data)
		return nil, nil, fmt.Errorf("read a secret: %w", err)
	default:
		return data[:n], info, nil
	}
}

// Line is [Read] for a secret of one line: the line breaks at its end are not
// part of it, and another line break, or nothing but line breaks, is
// INVALID_REQUEST.
func Line(path string, most int) ([]byte, fs.FileInfo, error) {
	data, info, err := Read(path, most)
	if err != nil {
		return nil, nil, err
	}
	line := bytes.TrimRight(data, "\r\n")
	switch {
	case len(line) == 0:
		err = fault.New(fault.Invalid, path+" is empty")
	case bytes.ContainsAny(line, "\r\n\x00"):
		err = fault.New(fault.Invalid, path+" has more than one line: the secret must be its only one")
	}
	if err != nil {
		clear(data)
		return nil, nil, err
	}
	return line, info, nil
}

// judge says who else could read the file.
func judge(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fault.New(fault.Invalid, path+" is not a regular file")
	}
	mode, allowed := info.Mode().Perm(), os.FileMode(0o700)
	switch uid, known := owner(info); {
	case !known:
	case uid == 0 && os.Geteuid() != 0:
		allowed = 0o740
	case uid != os.Geteuid():
		return fault.New(fault.Invalid, fmt.Sprintf("%s belongs to user %d, who can read it: run chown %d %s", path, uid, os.Geteuid(), shell.Word(path)))
	}
	if mode&^allowed != 0 {
		return fault.New(fault.Invalid, fmt.Sprintf("%s can be read or changed by others (mode %04o): run chmod %o %s", path, mode, mode&allowed&0o640, shell.Word(path)))
	}
	return nil
}
