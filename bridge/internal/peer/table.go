package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// The limits of a table of sockets.
const (
	maxRow  = 512     // bytes; the kernel writes 150 to 200
	maxRows = 1 << 18 // there are 65,536 ports for each pair of addresses
)

// socket is a row of /proc/net/tcp or tcp6 (proc_net_tcp(5)).
type socket struct {
	local, remote netip.AddrPort
	uid           int
	inode         uint64
}

// readTable reads a table and calls each for every row, until it returns false.
// A row that is not as the kernel writes it fails the whole.
func readTable(r io.Reader, each func(socket) bool) error {
	in := bufio.NewReaderSize(r, maxRow)
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && n > 0:
			return nil
		case err != nil:
			return fmt.Errorf("row %d of the table of sockets: %w", n, err)
		case n > maxRows:
			return fmt.Errorf("the table of sockets has more than %d rows", maxRows)
		case n == 0:
			if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("sl ")) {
				return errors.New("this is not a table of sockets")
			}
			continue
		}
		s, err := parseRow(line)
		if err != nil {
			return fmt.Errorf("row %d of the table of sockets: %w", n, err)
		}
		if !each(s) {
			return nil
		}
	}
}

// parseRow reads the columns sl, local_address, rem_address, st, tx:rx, tr:when,
// retrnsmt, uid, timeout, inode; what follows differs from kernel to kernel.
func parseRow(line []byte) (s socket, err error) {
	columns := bytes.Fields(line)
	if len(columns) < 10 {
		return s, fmt.Errorf("it has %d columns", len(columns))
	}
	if s.local, err = parseAddress(columns[1]); err != nil {
		return s, err
	}
	if s.remote, err = parseAddress(columns[2]); err != nil {
		return s, err
	}
	uid, err := strconv.ParseUint(string(columns[7]), 10, 32)
	if err != nil {
		return s, errors.New("the user is not a number")
	}
	s.uid = int(uid)
	if s.inode, err = strconv.ParseUint(string(columns[9]), 10, 64); err != nil {
		return s, errors.New("the inode is not a number")
	}
	return s, nil
}

// parseAddress reads 0100007F:1F90, or the same with 32 digits for IPv6: words of
// 32 bits in the order of the computer, and the port as people write it.
func parseAddress(text []byte) (netip.AddrPort, error) {
	refuse := func() (netip.AddrPort, error) { return netip.AddrPort{}, errors.New("an address is malformed") }
	host, port, ok := bytes.Cut(text, []byte{':'})
	if !ok || len(host) != 8 && len(host) != 32 || len(port) != 4 {
		return refuse()
	}
	var raw [18]byte
	if _, err := hex.Decode(raw[:], host); err != nil {
		return refuse()
	}
	if _, err := hex.Decode(raw[16:], port); err != nil {
		return refuse()
	}
	for i := 0; i < len(host)/2; i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw[:len(host)/2]) // 4 or 16 bytes
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(raw[16:])), nil
}
