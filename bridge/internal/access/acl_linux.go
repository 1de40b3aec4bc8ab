package access

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	listAttribute = "system.posix_acl_access"
	listVersion   = 2
	maxList       = 64 << 10 // bytes of an attribute (xattr(7))
)

// listOf reads the POSIX access control list of a file.
func listOf(path string) (accessList, error) {
	data := make([]byte, 1024)
	n, err := unix.Getxattr(path, listAttribute, data)
	if errors.Is(err, unix.ERANGE) {
		data = make([]byte, maxList)
		n, err = unix.Getxattr(path, listAttribute, data)
	}
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil // it has none, or its file system knows none
	}
	if err != nil {
		return nil, fmt.Errorf("read the access control list of %s: %w", path, err)
	}
	return parseList(data[:n])
}

// parseList reads the form of the attribute: a version, then entries of eight bytes.
func parseList(data []byte) (accessList, error) {
	if len(data) < 4 || len(data)%8 != 4 || binary.LittleEndian.Uint32(data) != listVersion {
		return nil, errors.New("the access control list has a form that is not known")
	}
	var l accessList
	for data = data[4:]; len(data) > 0; data = data[8:] {
		l = append(l, entry{binary.LittleEndian.Uint16(data), binary.LittleEndian.Uint16(data[2:]), int(binary.LittleEndian.Uint32(data[4:]))})
	}
	return l, nil
}
