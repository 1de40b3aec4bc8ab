// Command bundle builds what the dashboard serves: the core (wasm) with the
// size-saving flags and repacked, the module that verifies receipts (wasm/verify), the loader's modules (package loader), the brotli and the
// gzip form of each and of the styles, and a manifest with sizes and hashes. It writes them to
// web/dashboard/dist, which the dashboard embeds, and the core also to
// dist/countersign.wasm at the top of the repository. `make wasm` runs it.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"countersign/web/dashboard/loader"

	"github.com/andybalholm/brotli"
)

const (
	core     = "countersign.wasm"
	verifier = "verify.wasm"
)

// manifest tells tests, benchmarks and embedders what was built.
type manifest struct {
	Go        string `json:"go"`
	File      string `json:"file"`
	Size      int    `json:"size"`
	Brotli    int    `json:"brotli"`
	Floor     int    `json:"floor"` // the smallest program of this Go release that uses the browser, as its linker writes it, with brotli
	SHA256    string `json:"sha256"`
	Integrity string `json:"integrity"`
	// Verify is the module that verifies receipts, which a page loads with the first one.
	Verify module `json:"verify"`
	// Compressed are the files with a brotli and a gzip form beside them: name →
	// SHA-256 of the contents that were compressed.
	Compressed map[string]string `json:"compressed"`
}

// module is a further one.
type module struct {
	Size      int    `json:"size"`
	Brotli    int    `json:"brotli"`
	SHA256    string `json:"sha256"`
	Integrity string `json:"integrity"`
}

func main() {
	quick := flag.Bool("quick", false, "do not compress; for trying things out")
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, "usage: go run ./web/dashboard/bundle [-quick]\n\nBuilds the browser module into dist/ and web/dashboard/dist/.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*quick, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(quick bool, out io.Writer) error {
	top, err := loader.GoEnv("GOMOD")
	if err != nil {
		return err
	}
	if top == "" || top == os.DevNull {
		return errors.New("run it inside the checkout")
	}
	top = filepath.Dir(top)
	goroot, err := loader.GoEnv("GOROOT")
	if err != nil {
		return err
	}
	dist := filepath.Join(top, "web", "dashboard", "dist")
	if err := os.MkdirAll(filepath.Join(top, "dist"), 0o755); err != nil {
		return fmt.Errorf("make the output folder: %w", err)
	}
	wasm, err := compile(top, core, "./wasm", small...)
	if err != nil {
		return err
	}
	verify, err := compile(top, verifier, "./wasm/verify", "-tags=verify")
	if err != nil {
		return err
	}
	m, old := describe(wasm), previous(dist)
	if m.Floor = old.Floor; !quick && (old.Go != m.Go || old.Floor == 0) {
		if m.Floor, err = floor(top); err != nil {
			return err
		}
	}
	files, err := loader.Files(top, goroot)
	if err != nil {
		return err
	}
	for name, body := range files {
		if err := write(filepath.Join(dist, name), body); err != nil {
			return err
		}
	}
	static, err := loader.Read(filepath.Join(top, "web", "dashboard", "static", "*.*"))
	if err != nil {
		return err
	}
	maps.Copy(files, static)
	files[core], files[verifier] = wasm, verify
	delete(files, "index.html") // the server fills it in
	for name, body := range files {
		if err := compress(dist, name, body, &m, quick); err != nil {
			return err
		}
	}
	v := describe(verify)
	m.Verify = module{Size: v.Size, SHA256: v.SHA256, Integrity: v.Integrity}
	for name, size := range map[string]*int{core: &m.Brotli, verifier: &m.Verify.Brotli} {
		if packed, err := os.Stat(filepath.Join(dist, name+".br")); err == nil && m.Compressed[name] != "" {
			*size = int(packed.Size())
		}
	}
	doc, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	for path, body := range map[string][]byte{
		filepath.Join(dist, "manifest.json"): append(doc, '\n'),
		filepath.Join(dist, verifier):        verify,
		filepath.Join(dist, core):            wasm, // last step of all: its presence says that the bundle is there
	} {
		if err := write(path, body); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "dist/%s: %d bytes, %d with brotli\n", core, m.Size, m.Brotli)
	fmt.Fprintf(out, "dist/%s: %d bytes, %d with brotli\n", verifier, m.Verify.Size, m.Verify.Brotli)
	return nil
}

// compile builds a module into dist/ at the top and returns its bytes.
func compile(top, name, pkg string, flags ...string) ([]byte, error) {
	target := filepath.Join(top, "dist", name)
	if err := goBuild(top, pkg, target, flags...); err != nil {
		return nil, err
	}
	built, err := os.ReadFile(target)
	if err != nil {
		return nil, fmt.Errorf("read what was built: %w", err)
	}
	wasm, err := repack(built)
	if err != nil {
		return nil, err
	}
	return wasm, write(target, wasm)
}

// small does without inlining, which saves 7 % of what is downloaded, but not in the
// cipher of the link, which would become several times slower.
var small = []string{"-gcflags=all=-l", "-gcflags=golang.org/x/crypto/...="}

// goBuild builds a package for the browser without symbols.
func goBuild(dir, pkg, target string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", target}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stderr, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, stderr.Bytes())
	}
	return nil
}

func describe(wasm []byte) manifest {
	short, long := sha256.Sum256(wasm), sha512.Sum384(wasm)
	return manifest{
		Go: runtime.Version(), File: core, Size: len(wasm), SHA256: hex.EncodeToString(short[:]),
		Integrity: "sha384-" + base64.StdEncoding.EncodeToString(long[:]), Compressed: map[string]string{},
	}
}

// least is the size below which a file is not worth compressing: it fits in one
// packet as it is.
const least = 1000

// compress writes the brotli and the gzip form of a file, unless those that are
// there are of the same contents: the best compression of the core takes longer
// than the rest of the build. When it is in a hurry it leaves new contents as they are.
func compress(dist, name string, body []byte, m *manifest, quick bool) error {
	for _, form := range forms {
		target := filepath.Join(dist, name+form.ext)
		if is(target, body, form.unpack) {
			continue
		}
		if quick || len(body) < least {
			return nil
		}
		packed, err := form.pack(body)
		if err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		if err := write(target, packed); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body)
	m.Compressed[name] = hex.EncodeToString(sum[:])
	return nil
}

// forms are the ways to compress.
var forms = []struct {
	ext    string
	pack   func([]byte) ([]byte, error)
	unpack func(io.Reader) (io.Reader, error)
}{
	{".br", pack, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
	{".gz", packGzip, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
}

// is reports whether a file holds body, compressed.
func is(path string, body []byte, unpack func(io.Reader) (io.Reader, error)) bool {
	packed, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	r, err := unpack(bytes.NewReader(packed))
	if err != nil {
		return false
	}
	have, err := io.ReadAll(io.LimitReader(r, int64(len(body))+1))
	return err == nil && bytes.Equal(have, body)
}

// previous is the manifest of the last build, if there is one.
func previous(dist string) manifest {
	var m manifest
	if doc, err := os.ReadFile(filepath.Join(dist, "manifest.json")); err != nil || json.Unmarshal(doc, &m) != nil {
		return manifest{}
	}
	return m
}

// floor measures what the size of the core is compared with.
func floor(top string) (int, error) {
	dir, err := os.MkdirTemp("", "countersign-floor-")
	if err != nil {
		return 0, fmt.Errorf("measure the floor: %w", err)
	}
	defer os.RemoveAll(dir)
	target := filepath.Join(dir, "floor.wasm")
	if err := goBuild(top, "./web/dashboard/bundle/testdata/floor", target); err != nil {
		return 0, err
	}
	wasm, err := os.ReadFile(target)
	if err != nil {
		return 0, fmt.Errorf("measure the floor: %w", err)
	}
	packed, err := pack(wasm)
	return len(packed), err
}

// pack compresses as well as brotli can, with the largest window that browsers
// accept.
func pack(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	_, err := w.Write(body)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// packGzip is for clients that accept nothing better.
func packGzip(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(body)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// write replaces a file whole, so that a program that is being built at the same
// moment never embeds half of it.
func write(path string, body []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, body) {
		return nil
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, body, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
