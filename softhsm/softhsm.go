// Package softhsm gives tests and sandboxes real PKCS#11 tokens without
// hardware, by way of SoftHSM 2. [New] makes a throw-away token for a test,
// [Provision] makes tokens that stay, and cmd/softhsm-token does the same for a
// person or a CI job. SoftHSM being absent is an error, and fails a test: a test
// of keys that skips itself proves nothing.
//
// It is one of the few packages that use PKCS#11 themselves: the keys of a token
// are made by the token. Programs under test reach them in their own way, and in
// a process of their own or in the test's.
package softhsm

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Token is a throw-away token of a test.
type Token struct {
	Store
	Spec
}

// shared is the one store of a test process. SoftHSM reads its configuration
// when the module is initialised, and a process has one module: all tokens of
// the process are in one store, told apart by their labels. It is made for the
// first token and removed after the last.
var shared struct {
	sync.Mutex
	dir    string
	tokens int
}

// New makes a token for t. Its label is spec's, its PINs are random, and it is
// removed when t ends. SOFTHSM2_CONF is set for this process. A test that has
// the module loaded already sees the new token after C_Finalize and
// C_Initialize, as SoftHSM does it.
func New(t testing.TB, spec Spec) *Token {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if _, err := Module(); err != nil {
		t.Fatal(err)
	}
	if shared.dir == "" {
		var err error
		if shared.dir, err = os.MkdirTemp("", "softhsm-"); err != nil {
			t.Fatal(err)
		}
	}
	shared.tokens++
	t.Cleanup(func() {
		if err := leave(); err != nil {
			t.Error(err)
		}
	})
	token := makeIn(t, shared.dir, spec)
	if err := os.Setenv("SOFTHSM2_CONF", token.Conf); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		shared.Lock() // a token that goes while another one is made would fail that
		defer shared.Unlock()
		if err := token.remove(token.Label); err != nil {
			t.Error(err)
		}
	})
	return token
}

// makeIn makes a token in a folder. A program of its own does it, so that the
// module in this process is left to the code under test.
func makeIn(t testing.TB, dir string, spec Spec) *Token {
	t.Helper()
	body, err := json.Marshal([]Spec{spec.coded()})
	if err != nil {
		t.Fatal(err)
	}
	program, err := tool()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--dir", dir, "--json", "-")
	cmd.Stdin = bytes.NewReader(body)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("softhsm: make token %q: %v\n%s", spec.Label, err, stderr.String())
	}
	token := &Token{}
	if err := json.Unmarshal(out, &token.Store); err != nil || len(token.Tokens) != 1 {
		t.Fatalf("softhsm: read what softhsm-token made: %v", err)
	}
	if token.Spec, err = token.Tokens[0].plain(); err != nil {
		t.Fatalf("softhsm: read what softhsm-token made: %v", err)
	}
	token.Tokens[0] = token.Spec
	return token
}

// Pull takes the token away: see [Store.Pull].
func (k *Token) Pull(t testing.TB) {
	t.Helper()
	if err := k.Store.Pull(k.Label); err != nil {
		t.Fatal(err)
	}
}

// Insert puts a pulled token back: see [Store.Insert].
func (k *Token) Insert(t testing.TB) {
	t.Helper()
	if err := k.Store.Insert(k.Label); err != nil {
		t.Fatal(err)
	}
}

// leave removes the store after its last token.
func leave() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.tokens--; shared.tokens > 0 {
		return nil
	}
	dir := shared.dir
	shared.dir = ""
	return os.RemoveAll(dir)
}
