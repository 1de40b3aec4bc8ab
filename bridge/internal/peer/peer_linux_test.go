package peer

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// connection is a connection of this process to itself, seen from its server.
func connection(t *testing.T, network, address string) (local, remote netip.AddrPort) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	client, err := (&net.Dialer{}).DialContext(t.Context(), network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.LocalAddr().(*net.TCPAddr).AddrPort(), server.RemoteAddr().(*net.TCPAddr).AddrPort()
}

func TestTheProgramAtTheOtherEndIsNamed(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for network, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		local, remote := connection(t, network, address)
		p, err := Identify(local, remote)
		if err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		if p.UID != os.Getuid() || p.PID != os.Getpid() || p.Path != self {
			t.Errorf("%s: %+v", network, p)
		}
		if since := time.Since(p.Started); since < -2*time.Second || since > time.Hour {
			t.Errorf("%s: started %s", network, p.Started)
		}
		if want := fmt.Sprintf("%s (pid %d)", self, os.Getpid()); p.String() != want {
			t.Errorf("%s: %s", network, p)
		}
		if _, err := Identify(local, netip.AddrPortFrom(remote.Addr(), 1)); err == nil {
			t.Errorf("%s: a connection that is none has a program", network)
		}
	}
}

// tree is a proc file system in which process 4711 of this user holds the socket
// with inode 99 from 127.0.0.1:50000 to 127.0.0.1:18427.
func tree(t *testing.T, exe string) proc {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"net", "4711/fd", "12/fd", "acpi"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"net/tcp":   header + fmt.Sprintf(row, "0100007F:C350", "0100007F:47FB", os.Getuid(), 99),
		"net/tcp6":  header + fmt.Sprintf(row, "0000000000000000FFFF00000100007F:C351", "0000000000000000FFFF00000100007F:47FB", 12345, 100),
		"4711/stat": "4711 (evil) S 1) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 50 22 23\n",
		"stat":      "cpu 1 2 3\nbtime 1700000000\nprocesses 9\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"4711/exe": exe, "4711/fd/3": "socket:[99]", "4711/fd/0": "/dev/null", "12/fd/3": "socket:[100]"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return proc(dir)
}

const (
	header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	row    = "   0: %s %s 01 00000000:00000000 00:00000000 00000000 %5d        0 %d 1 0000000000000000 100 0 0 10 0\n"
)

func ends(port uint16) (local, remote netip.AddrPort) {
	home := netip.MustParseAddr("127.0.0.1")
	return netip.AddrPortFrom(home, 18427), netip.AddrPortFrom(home, port)
}

func TestWhatIsUnusualAboutAProgramIsSaid(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "everybody's")
	open := filepath.Join(folder, "browser")
	for _, err := range []error{os.Mkdir(folder, 0o700), os.WriteFile(open, nil, 0o600), os.Chmod(folder, 0o777)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for exe, want := range map[string]string{
		"/usr/lib/firefox/firefox":  "",
		open:                        "it is in a folder where any user may put programs: " + folder,
		"/usr/bin/chrome (deleted)": "its file /usr/bin/chrome was removed or replaced since it started",
	} {
		local, remote := ends(50000)
		p, err := tree(t, exe).identify(local, remote)
		if err != nil {
			t.Fatal(err)
		}
		if p.PID != 4711 || p.Path != exe || p.Warning != want || p.Started.Unix() != 1700000000 {
			t.Errorf("%s: %+v", exe, p)
		}
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := unusual(open); got != "any user may change its file" {
		t.Errorf("a file for all: %q", got)
	}
}

func TestAProgramThatHidesHasAUserAndNoName(t *testing.T) {
	t.Parallel()
	local, remote := ends(50001) // of another user, through a socket for IPv6, and nobody lets us look
	p, err := tree(t, "/usr/bin/firefox").identify(local, remote)
	if err != nil || p.UID != 12345 || p.PID != 0 || p.String() != "unknown program" {
		t.Errorf("%+v, %v", p, err)
	}
	hidden := tree(t, "/usr/bin/firefox")
	if err := os.Remove(hidden.of(4711, "fd/3")); err != nil {
		t.Fatal(err)
	}
	local, remote = ends(50000)
	if p, err = hidden.identify(local, remote); err != nil || p.UID != os.Getuid() || p.Path != "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestATableThatTheKernelDidNotWriteIsRefused(t *testing.T) {
	t.Parallel()
	good := fmt.Sprintf(row, "0100007F:C350", "0100007F:47FB", 0, 99)
	for name, text := range map[string]string{
		"empty":            "",
		"no header":        good,
		"a short row":      header + "0: 0100007F:C350\n",
		"a short address":  header + strings.Replace(good, "0100007F:C350", "0100007:C350", 1),
		"no hexadecimal":   header + strings.Replace(good, "0100007F:C350", "0100007G:C350", 1),
		"a bad port":       header + strings.Replace(good, ":47FB", ":47F", 1),
		"a negative user":  header + fmt.Sprintf(row, "0100007F:C350", "0100007F:47FB", -1, 99),
		"no inode":         header + strings.Replace(good, " 99 ", " x ", 1),
		"a row that tears": header + strings.TrimSuffix(good, "\n"),
		"an endless row":   header + strings.Repeat("0", 2*maxRow) + "\n",
	} {
		if err := readTable(strings.NewReader(text), func(socket) bool { return true }); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(header + fmt.Sprintf(row, "0100007F:C350", "0100007F:47FB", 1000, 99))
	f.Add(header + fmt.Sprintf(row, "00000000000000000000000001000000:C351", "0000000000000000FFFF00000100007F:47FB", 0, 0))
	f.Add(header + "0: : : 01 0:0 0:0 0 0 0 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		_ = readTable(strings.NewReader(text), func(s socket) bool {
			if !s.local.Addr().IsValid() || !s.remote.Addr().IsValid() || s.local.Addr().Is4In6() || s.uid < 0 {
				t.Errorf("%+v", s)
			}
			return true
		})
	})
}

func FuzzStartTicks(f *testing.F) {
	f.Add([]byte("4711 (a) b) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 50 22 23\n"))
	f.Fuzz(func(t *testing.T, stat []byte) {
		if ticks, ok := startTicks(stat); ok && ticks < 0 {
			t.Errorf("%d", ticks)
		}
	})
}
