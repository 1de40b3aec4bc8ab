// Package doctor looks at a computer and says what stands between a person and
// an approval: files and their permissions, PKCS#11 modules and tokens, keys and
// certificates, prompt, clock, ports, browsers, journal. Each finding has its
// remedy. It asks for no PIN and changes nothing. What it calls may hang, so
// every call has a deadline, and a module that hangs is a finding.
//
// Used by the doctor command of bridge/cmd/countersign-bridge. [Remedy] says for
// each error code of the bridge what to do.
package doctor

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/control"
)

// Level says how bad a finding is.
type Level string

// The levels. With one that is bad, the bridge does not work, or not for long.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Bad  Level = "bad"
)

// Finding is one thing that was looked at.
type Finding struct {
	ID     string `json:"id"` // what was looked at: "module:/usr/lib/…", "token:alice"
	Level  Level  `json:"level"`
	What   string `json:"what"`             // what was found, one sentence
	Remedy string `json:"remedy,omitempty"` // what to do about it
	SeenBy string `json:"seen_by"`          // [ByCommand] or [ByBridge]
}

// Who sees what a finding says. The bridge that runs may see other tokens than a
// command that is started in another shell.
const (
	ByCommand = "command"
	ByBridge  = "bridge"
)

// Config says what to look at. The zero values of all but Bridge and File are
// those of this computer.
type Config struct {
	Bridge  approver.Config
	File    string        // the configuration file
	Root    string        // where /etc and the programs are looked for; empty: "/"
	Timeout time.Duration // for each thing that may hang; 0: 10 s
	Now     func() time.Time
	// Version runs a browser to ask which it is; nil: "PATH --version".
	Version func(ctx context.Context, path string) (string, error)
}

// checks is one visit.
type checks struct {
	Config
	client    *control.Client
	by        string          // who sees what is noted now
	asks      bool            // the bridge that runs says that it can ask
	noGateway bool            // it does not answer, which was said
	refused   map[string]bool // by ID: what another user could change
	mu        sync.Mutex
	all       []Finding
}

func (c *checks) note(id string, level Level, what, remedy string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, Finding{id, level, what, remedy, c.by})
}

// Diagnose looks at everything, in the order in which it is needed; what the running
// bridge sees comes first.
func Diagnose(ctx context.Context, cfg Config) []Finding {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Version == nil {
		cfg.Version = version
	}
	if cfg.Root == "" {
		cfg.Root = "/"
	}
	c := &checks{Config: cfg, client: approver.Client(cfg.Bridge), by: ByCommand}
	c.running(ctx)
	c.files()
	c.clock(ctx)
	members := c.certificates()
	c.tokens(ctx, members)
	c.prompt(ctx)
	c.ports(ctx)
	c.relay(ctx)
	c.origins()
	if runtime.GOOS == "linux" {
		c.browsers(ctx)
	} else {
		c.note("browsers", OK, "browsers are not looked at on this system", "Safari reaches the bridge through the relay only; Chrome, Edge and Firefox ask when you connect: choose Allow.")
	}
	c.journal(ctx)
	return c.all
}

// at is a path of the computer that is looked at.
func (c *checks) at(path string) string { return filepath.Join(c.Root, path) }

// version asks a program which it is.
func version(ctx context.Context, path string) (string, error) {
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return string(out), err
}

// owned reports whether a file is this user's and nobody else's to read or write.
func owned(info os.FileInfo) (mine, closed bool) {
	uid, ok := ownerOf(info)
	return !ok || uid == os.Getuid(), info.Mode().Perm()&0o077 == 0
}
