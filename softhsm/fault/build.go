package fault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrNoCompiler says that the machine has no C compiler, and how to get one.
var ErrNoCompiler = errors.New("fault: no C compiler: apt-get install gcc libc6-dev (Debian, Ubuntu), dnf install gcc (Fedora), " +
	"pacman -S gcc (Arch), apk add build-base (Alpine), xcode-select --install (macOS)")

// sources is the module in C.
//
//go:embed module/*.c module/*.h
var sources embed.FS

// flags are how the module is built. All that it exports is C_GetFunctionList.
var flags = []string{"-std=gnu11", "-O2", "-g", "-fPIC", "-fvisibility=hidden", "-pthread", "-Wall", "-Wextra", "-Werror"}

var functionLine = regexp.MustCompile(`(?m)^(?:FN|SP)\((C_\w+),`)

// Functions are the functions of PKCS#11 v2.40, in the order of CK_FUNCTION_LIST.
func Functions() []string { return slices.Clone(functions()) }

var functions = sync.OnceValue(func() []string {
	list, err := sources.ReadFile("module/functions.h")
	if err != nil {
		panic(err) // it is embedded
	}
	var names []string
	for _, m := range functionLine.FindAllSubmatch(list, -1) {
		names = append(names, string(m[1]))
	}
	return names
})

// build compiles the module into a file. What was compiled once is kept in the
// user's cache folder, by its content, as the go command keeps what it builds.
func build(ctx context.Context, path string) error {
	body, err := built(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o700)
}

func built(ctx context.Context) ([]byte, error) {
	cc, err := compiler()
	if err != nil {
		return nil, err
	}
	key, err := contentKey(ctx, cc)
	if err != nil {
		return nil, err
	}
	kept := ""
	if cache, err := os.UserCacheDir(); err == nil {
		kept = filepath.Join(cache, "countersign-fault", key+".so")
		if body, err := os.ReadFile(kept); err == nil {
			return body, nil
		}
	}
	dir, err := os.MkdirTemp("", "fault-build-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "fault.so")
	if err := compile(ctx, cc, dir, append(flags, "-shared", "-o", out)...); err != nil {
		return nil, err
	}
	body, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	if kept != "" {
		keep(kept, body)
	}
	return body, nil
}

// keep puts a file into the cache in one step. A cache that cannot be written
// costs a second, not the test.
func keep(path string, body []byte) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return
	}
	if err := replace(path, body); err != nil {
		return
	}
}

// replace writes a file so that readers see the old one or the new one.
func replace(path string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func compiler() (string, error) {
	for _, name := range []string{"gcc", "cc"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoCompiler
}

// compile runs the compiler over all sources, unpacked into dir.
func compile(ctx context.Context, cc, dir string, args ...string) error {
	files, err := fs.Glob(sources, "module/*")
	if err != nil {
		return err
	}
	for _, name := range files {
		body, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(path, body, 0o600); err != nil {
			return err
		}
		if strings.HasSuffix(name, ".c") {
			args = append(args, path)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, cc, append(args, "-ldl")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("fault: build the module: %w\n%s", err, out)
	}
	return nil
}

// contentKey names what the sources, the compiler and its flags give.
func contentKey(ctx context.Context, cc string) (string, error) {
	version, err := exec.CommandContext(ctx, cc, "-v").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("fault: ask %s for its version: %w", cc, err)
	}
	hash := sha256.New()
	files, err := fs.Glob(sources, "module/*")
	if err != nil {
		return "", err
	}
	for _, name := range files {
		body, err := sources.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(body), body)
	}
	fmt.Fprintf(hash, "%s\n%s", strings.Join(flags, " "), bytes.TrimSpace(version))
	return hex.EncodeToString(hash.Sum(nil)[:16]), nil
}
