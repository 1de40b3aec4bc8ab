//go:build unix

package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
)

func write(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestASecretThatOthersCanReadIsNotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode os.FileMode
		says string // empty: it is read
	}{
		{0o600, ""}, {0o400, ""}, {0o700, ""}, {0o500, ""},
		{0o644, "chmod 600"}, {0o640, "chmod 600"}, {0o604, "chmod 600"}, {0o444, "chmod 400"}, {0o660, "chmod 600"},
		{0o620, "chmod 600"}, {0o602, "chmod 600"}, {0o601, "chmod 600"}, {0o777, "chmod 600"},
	} {
		path := write(t, "key", "s3cret-s3cret\n", c.mode)
		data, _, err := Read(path, 100)
		if c.says == "" {
			if err != nil || string(data) != "s3cret-s3cret\n" {
				t.Errorf("mode %04o: %q, %v", c.mode, data, err)
			}
			continue
		}
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says+" "+path) {
			t.Errorf("mode %04o: %v, want it to say %q", c.mode, err, c.says)
		}
		if data != nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("mode %04o: the secret got out: %q, %v", c.mode, data, err)
		}
	}
}

func TestWhoOwnsASecretDecidesWhoMayReadIt(t *testing.T) {
	t.Parallel()
	info := func(uid int, mode os.FileMode) os.FileInfo { return file{uid: uid, mode: mode} }
	me := os.Geteuid()
	if err := judge("f", info(me, 0o600)); err != nil {
		t.Error(err)
	}
	if err := judge("f", info(me+1, 0o600)); err == nil || !strings.Contains(err.Error(), "chown") {
		t.Errorf("the file of another user: %v", err)
	}
	if me != 0 {
		if err := judge("f", info(0, 0o440)); err != nil {
			t.Errorf("what root hands to a group: %v", err)
		}
		if err := judge("f", info(0, 0o444)); err == nil {
			t.Error("root's file that all users read was read")
		}
	}
}

type file struct {
	uid  int
	mode os.FileMode
}

func (f file) Name() string       { return "f" }
func (f file) Size() int64        { return 1 }
func (f file) Mode() os.FileMode  { return f.mode }
func (f file) ModTime() time.Time { return time.Time{} }
func (f file) IsDir() bool        { return false }
func (f file) Sys() any           { return &syscall.Stat_t{Uid: uint32(f.uid)} }

func TestASecretIsASmallRegularFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	long := write(t, "long", strings.Repeat("x", 101), 0o600)
	for path, says := range map[string]string{
		pipe: "not a regular file", dir: "not a regular file", "/dev/zero": "not a regular file",
		long: "longer than 100 bytes", write(t, "empty", "", 0o600): "is empty", "": "no file is named",
	} {
		if _, _, err := Read(path, 100); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
	if _, _, err := Read(filepath.Join(dir, "none"), 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if data, _, err := Read(write(t, "most", strings.Repeat("x", 100), 0o600), 100); err != nil || len(data) != 100 {
		t.Errorf("the longest: %d bytes, %v", len(data), err)
	}
}

func TestASecretBehindALinkIsJudgedByItsFile(t *testing.T) {
	t.Parallel()
	for mode, ok := range map[os.FileMode]bool{0o400: true, 0o644: false} {
		link := filepath.Join(t.TempDir(), "link") // as Kubernetes mounts a secret
		if err := os.Symlink(write(t, "key", "s3cret", mode), link); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(link, 100); (err == nil) != ok {
			t.Errorf("mode %04o behind a link: %v", mode, err)
		}
	}
}

func TestALineIsTheOnlyOneOfItsFile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1234": "1234", "1234\n": "1234", "1234\r\n": "1234", " 12 34 \n": " 12 34 "} {
		if got, _, err := Line(write(t, "pin", text, 0o600), 100); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"\n", "\r\n", "12\n34\n", "12\x0034"} {
		if got, _, err := Line(write(t, "pin", text, 0o600), 100); err == nil {
			t.Errorf("%q was read as %q", text, got)
		}
	}
}
