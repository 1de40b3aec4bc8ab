package access

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// outside reports whether a number stands for all users outside of a namespace in which
// the program runs, as in the sandboxes that a user makes without root: there it is what
// the system's own files belong to.
func outside(uid int) bool {
	overflow, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil || strings.TrimSpace(string(overflow)) != strconv.Itoa(uid) {
		return false
	}
	users, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !mapped(string(users), uid)
}

// mapped reports whether a user is one of a namespace (user_namespaces(7)).
func mapped(users string, uid int) bool {
	for lines := bufio.NewScanner(strings.NewReader(users)); lines.Scan(); {
		var from, to, count int
		if n, _ := fmt.Sscan(lines.Text(), &from, &to, &count); n == 3 && from <= uid && uid-from < count {
			return true
		}
	}
	return false
}
