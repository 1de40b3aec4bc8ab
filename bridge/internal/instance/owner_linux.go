package instance

import (
	"bufio"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// loopback are the addresses through which loopback is listened on, as the
// kernel writes them: words of 32 bits in the order of this machine's bytes.
var loopback = []string{
	"0100007F", "00000000", // 127.0.0.1, any
	"00000000000000000000000001000000", "00000000000000000000000000000000", // ::1, any
	"0000000000000000FFFF00000100007F", // ::ffff:127.0.0.1
}

// PortOwner says who listens on a TCP port of loopback, or of every address,
// where the system tells.
func PortOwner(port int) (Owner, bool) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		uid, inode, ok := listener(table, port)
		if !ok {
			continue
		}
		o := Owner{UID: uid, User: "user " + strconv.Itoa(uid)}
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			o.User = u.Username
		}
		if o.PID = holder(inode); o.PID != 0 {
			o.Exe, _ = os.Readlink(fmt.Sprintf("/proc/%d/exe", o.PID)) // empty when it is not ours to see
		}
		return o, true
	}
	return Owner{}, false
}

// listener finds the socket that listens on port in one of the kernel's tables.
// Its columns: number, local address:port in hexadecimal, remote, state (0A:
// listening), queues, timer, retransmits, uid, timeout, inode.
func listener(table string, port int) (uid int, inode string, ok bool) {
	f, err := os.Open(table)
	if err != nil {
		return 0, "", false
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		col := strings.Fields(lines.Text())
		if len(col) < 10 || col[3] != "0A" {
			continue
		}
		address, ours := strings.CutSuffix(col[1], suffix)
		if !ours || !slices.Contains(loopback, address) {
			continue
		}
		uid, err := strconv.Atoi(col[7])
		return uid, col[9], err == nil
	}
	return 0, "", false
}

// holder is the process that has the socket open, or 0.
func holder(inode string) int {
	want := "socket:[" + inode + "]"
	all, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0
	}
	for _, fd := range all {
		if target, err := os.Readlink(fd); err == nil && target == want {
			pid, _ := strconv.Atoi(strings.Split(fd, "/")[2])
			return pid
		}
	}
	return 0
}
