// Countersign-sandbox starts the whole of Countersign on this machine, with
// SoftHSM tokens and pretend providers, for `make run`, `make demo` and `make
// bench`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"countersign/shared/shell"
	"countersign/softhsm/e2e/story"
	"countersign/softhsm/e2e/system"
)

type grammar struct {
	Up    upCommand    `cmd:"" help:"Start everything and stay until Ctrl-C. The state is kept."`
	Demo  demoCommand  `cmd:"" help:"Play a purchase and a transfer without a browser; exit 0 only if the money arrived."`
	Bench benchCommand `cmd:"" help:"Measure, a line each: NAME VALUE UNIT goal OP N ok|short."`

	Forget forgetCommand `cmd:"" help:"Delete the state of a sandbox that does not run."`
}

const about = `The whole of Countersign on this machine: gateway, signer, bridge, SoftHSM tokens, providers and a chain.

  countersign-sandbox up      # then open the address that it prints
  countersign-sandbox demo    # the same story in the terminal`

func main() {
	var g grammar
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k := kong.Parse(&g, kong.Name("countersign-sandbox"), kong.Description(about), kong.BindTo(ctx, (*context.Context)(nil)))
	switch err := k.Run(); {
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, "stopped")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "countersign-sandbox: error:", err)
		os.Exit(1)
	}
}

// errInterrupted says that a signal ended a command before it was done: whatever else
// failed, failed for that.
var errInterrupted = errors.New("interrupted")

func interrupted(signalled context.Context, err error) error {
	if err != nil && signalled.Err() != nil {
		return errInterrupted
	}
	return err
}

// bin is the folder of this program, and so of the others.
func bin() (string, error) {
	self, err := os.Executable()
	return filepath.Dir(self), err
}

type upCommand struct {
	State      string   `help:"Folder of the state." default:".run" type:"path"`
	Port       int      `help:"Port of the dashboard." default:"8080"`
	BridgePort int      `help:"Port of the bridge." default:"18427"`
	Origin     []string `help:"Origin of a page of yours that may use this gateway and this bridge, such as http://localhost:5173. May be repeated." placeholder:"ORIGIN"`
	Pinentry   string   `help:"Program that asks the approver. Default: pinentry when there is a display, else this terminal." type:"path"`
}

func (c *upCommand) Run(ctx context.Context) error {
	programs, err := bin()
	if err != nil {
		return err
	}
	fmt.Println("starting …")
	s, err := system.Start(ctx, system.Config{Dir: c.State, Bin: programs, DashboardPort: c.Port, BridgePort: c.BridgePort,
		Pinentry: c.Pinentry, Terminal: true, Origins: c.Origin, Fund: true})
	if err != nil {
		return interrupted(ctx, err)
	}
	fmt.Printf("\nCountersign is running. Open %s\n", s.DashboardURL)
	for i, v := range system.Vaults {
		fmt.Printf("%s%s (%s)", []string{"It acts for ", " or "}[min(i, 1)], v.Name, v.Entity)
	}
	fmt.Print(", as you choose at its top.\n\n")
	fmt.Println("Tokens of the approvers, with the PINs of this sandbox:")
	for _, p := range system.People {
		fmt.Printf("  %-6s  PIN %s  %s\n", p.Token, s.State.PIN(p.Token), p.Curve)
	}
	fmt.Print(c.embedding(s))
	fmt.Printf("\n%s\n", users(s.State))
	fmt.Printf("\nThe tools of the bridge, in another terminal:\n  %s %s doctor -c %s\n", shell.Words(s.State.Approvers.Env()...),
		shell.Word(filepath.Join(programs, "countersign-bridge")), shell.Word(filepath.Join(c.State, "config", "bridge.json")))
	fmt.Printf("\nThe bridge asks %s. Logs: %s. Ctrl-C stops everything; `make run%s` resumes, `make clean-run%s` forgets.\n",
		where(c.Pinentry), filepath.Join(c.State, "logs"), c.variables(), system.Variable(c.State))
	err = s.Wait(ctx)
	fmt.Println("\nstopping …")
	return errors.Join(err, s.Stop())
}

// embedding says what a page of one's own needs of this sandbox; nothing when there is
// none. The key is not printed: a terminal is read by others and kept.
func (c *upCommand) embedding(s *system.System) string {
	if len(c.Origin) == 0 {
		return ""
	}
	bridge := ""
	if c.BridgePort != system.BridgePort { // where no page looks by itself
		bridge = fmt.Sprintf(", bridgeUrls [%q]", s.BridgeURL)
	}
	return fmt.Sprintf("\nPages of %s may use it:\n  apiUrl %s, entityId %s, environment sandbox%s\n  Your back end trades the API key in %s for tokens.\n",
		strings.Join(c.Origin, ", "), s.DashboardURL, system.Entity, bridge, filepath.Join(c.State, "secrets", "developer.key"))
}

// variables are those with which make starts this sandbox again.
func (c *upCommand) variables() string {
	all := system.Variable(c.State)
	if c.Port != system.DashboardPort {
		all += fmt.Sprintf(" PORT=%d", c.Port)
	}
	if c.BridgePort != system.BridgePort {
		all += fmt.Sprintf(" BRIDGE_PORT=%d", c.BridgePort)
	}
	if len(c.Origin) > 0 {
		all += " " + shell.Word("ORIGINS="+strings.Join(c.Origin, " "))
	}
	return all
}

// users says whether the gateway is kept from the vault.
func users(s *system.State) string {
	if s.OneUser != "" {
		return "Signer and gateway run as one user (" + s.OneUser + "): this gateway could read the vault's PIN. Production runs them as two; see SECURITY.md."
	}
	return "Signer and gateway run as two users: the gateway cannot read the vault's PIN."
}

// where says where prompts appear, as the bridge decides it.
func where(pinentry string) string {
	switch {
	case pinentry != "":
		return "through " + pinentry
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		return "in a pinentry window when pinentry is installed, else in this terminal"
	default:
		return "in this terminal"
	}
}

type forgetCommand struct {
	State string `help:"Folder of the state." default:".run" type:"path"`
}

func (c *forgetCommand) Run() error { return system.Forget(c.State) }

type demoCommand struct {
	Timeout time.Duration `help:"How long the story may take." default:"3m"`
}

func (c *demoCommand) Run(signalled context.Context) (err error) {
	defer func() { err = interrupted(signalled, err) }()
	ctx, cancel := context.WithTimeout(signalled, c.Timeout)
	defer cancel()
	programs, err := bin()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "countersign-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	script := filepath.Join(dir, "script.json")
	s, err := system.Start(ctx, system.Config{Dir: filepath.Join(dir, "state"), Bin: programs,
		Pinentry: filepath.Join(programs, "scripted-pinentry"), BridgeEnv: system.ScriptEnv(script), Fund: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.State.Script(script, system.Answers{}); err != nil {
		return err
	}
	told, err := story.New(ctx, s, os.Stdout)
	if err != nil {
		return err
	}
	if err := told.Play(ctx); err != nil {
		return err
	}
	fmt.Println("\nThe money arrived. Now some of what the account has is sent.")
	if err := told.Send(ctx); err != nil {
		return err
	}
	fmt.Println("\nThe money was sent.")
	return nil
}
