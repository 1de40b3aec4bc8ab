package peer

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTheUserAndTheGroupsAtTheOtherEndOfASocketAreKnown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if uid, ok := UnixUser(server); !ok || uid != os.Geteuid() {
		t.Errorf("user %d, %v", uid, ok)
	}
	own, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	groups := UnixGroups(server)
	for _, g := range append(own, os.Getegid()) {
		if !slices.Contains(groups, g) {
			t.Errorf("group %d is not in %v", g, groups)
		}
	}
	other, end := net.Pipe()
	defer other.Close()
	defer end.Close()
	if _, ok := UnixUser(other); ok || UnixGroups(other) != nil {
		t.Error("a pipe has a user")
	}
}
