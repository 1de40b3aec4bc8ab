//go:build chains

package sendtest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"countersign/web/internal/chain/sendtest"
)

// TestSendingOnGeth runs `geth --dev`: the program is $GETH, which `make test-chains`
// builds. Its chain is 1337, it makes a block for each transaction, and its rules are
// those of a later fork than the sandbox's, in which new storage costs more gas.
func TestSendingOnGeth(t *testing.T) {
	program := os.Getenv("GETH")
	if program == "" {
		t.Fatal("GETH does not say where geth is: run `make test-chains`")
	}
	g := &geth{program: program, dir: t.TempDir(), port: "0"}
	t.Cleanup(func() { g.down(t) })
	g.up(t)
	sendtest.Run(t, sendtest.Chain{URL: "http://127.0.0.1:" + g.port, ID: "eip155:1337", Fund: g.fund, Down: g.down, Up: g.up})
}

// geth is one node with its data.
type geth struct {
	program, dir string
	port         string // that it listens on; 0 before it has started
	running      *exec.Cmd
	log          *tail
}

func (g *geth) up(t *testing.T) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// What it keeps is in dir only; nothing of it is reached from elsewhere.
	c := exec.Command(g.program, "--dev", "--datadir", filepath.Join(g.dir, "data"), "--ipcdisable",
		"--http", "--http.addr", "127.0.0.1", "--http.port", g.port, "--http.api", "eth,debug",
		"--authrpc.addr", "127.0.0.1", "--authrpc.port", "0", "--port", "0", "--nodiscover", "--maxpeers", "0")
	c.Env = []string{"HOME=" + g.dir, "PATH=" + os.Getenv("PATH")}
	c.Stderr, c.Stdout = in, in
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	g.running, g.log = c, &tail{}
	listens := make(chan string, 1)
	go g.log.read(out, listens)
	select {
	case g.port = <-listens:
	case <-time.After(time.Minute):
		t.Fatalf("geth does not listen after a minute:\n%s", g.log)
	}
}

func (g *geth) down(t *testing.T) {
	t.Helper()
	if g.running == nil {
		return
	}
	if err := g.running.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := g.running.Wait(); err != nil && !errors.As(err, &ended) {
		t.Error(err)
	}
	g.running = nil
}

// fund pays from the account that --dev makes and unlocks.
func (g *geth) fund(t *testing.T, to common.Address, wei *big.Int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := rpc.DialContext(ctx, "http://127.0.0.1:"+g.port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var rich []common.Address
	if err := c.CallContext(ctx, &rich, "eth_accounts"); err != nil || len(rich) == 0 {
		t.Fatalf("%v, %v\n%s", rich, err, g.log)
	}
	var hash common.Hash
	tx := map[string]any{"from": rich[0], "to": to, "value": (*hexutil.Big)(wei)}
	if err := c.CallContext(ctx, &hash, "eth_sendTransaction", tx); err != nil {
		t.Fatalf("%v\n%s", err, g.log)
	}
}

// tail is what geth said last.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.lines = l.lines[max(0, len(l.lines)-30):]
}

// read keeps the last lines, and reports the port that geth listens on.
func (l *tail) read(out io.ReadCloser, listens chan<- string) {
	defer out.Close()
	s := bufio.NewScanner(out)
	for s.Scan() {
		line := s.Text()
		if _, at, ok := strings.Cut(line, "HTTP server started"); ok && strings.Contains(at, "auth=false") {
			if _, rest, ok := strings.Cut(at, "endpoint=127.0.0.1:"); ok {
				listens <- strings.Fields(rest)[0]
			}
		}
		l.add(line)
	}
}
