// Countersign-bridge connects hardware tokens to web dashboards. On an approver's
// computer it shows what is about to be signed and lets the token sign it; beside
// a vault's HSM it is the signer, which verifies those signatures and only then
// uses the vault's keys. See bridge/README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/doctor"
	"countersign/bridge/internal/signer"
	"countersign/shared/fault"
	"countersign/shared/secret"
)

const about = `Countersign's bridge: approve movements of money with a key that never leaves your token.

Start it on your computer, then open your dashboard and choose "Connect":

  countersign-bridge approver

It asks at its own prompt, never in the browser. Before the first time:

  countersign-bridge doctor   # are token, prompt and clock fine?

Beside a vault's HSM, first once, with all administrators, and then always:

  countersign-bridge signer init --config signer.json --genesis draft.json --out enrolment
  countersign-bridge signer complete --config signer.json --out enrolment mem_*.genesis.jws
  countersign-bridge signer serve --config signer.json`

// configFlag is the flag that every command of the approver has.
type configFlag struct {
	Config string `short:"c" type:"path" placeholder:"FILE" default:"${config}" help:"The configuration file (JSON; the README has one). Without it: ~/.config/countersign/bridge.json."`
}

// signerFlag is the flag that every command of the signer has.
type signerFlag struct {
	Config string `required:"" short:"c" type:"path" placeholder:"FILE" help:"The configuration file (JSON; the README has one)."`
}

// defaultConfig is where the approver's configuration is when no flag says so.
func defaultConfig() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "bridge.json"
	}
	return filepath.Join(dir, "countersign", "bridge.json")
}

// grammar is the whole command line.
type grammar struct {
	Approver     approverCommand     `cmd:"" help:"Serve the dashboards on this computer: show, ask, sign."`
	Signer       signerCommand       `cmd:"" help:"The vault's side: verify, then sign."`
	Member       memberCommand       `cmd:"" help:"Become a member of a vault."`
	Vault        vaultCommand        `cmd:"" help:"Begin a vault, as one of its administrators."`
	Governance   governanceCommand   `cmd:"" help:"Rules before they govern: what they allow, and what a change of them does."`
	ReportingKey reportingKeyCommand `cmd:"" help:"Keys for a back office that only reads."`
	Keys         keysCommand         `cmd:"" help:"The keys in your tokens: list, make, export, delete."`
	Pairings     pairingsCommand     `cmd:"" help:"The pages that may talk to this bridge."`
	Origins      originsCommand      `cmd:"" help:"The dashboards that may connect."`
	Relay        relayCommand        `cmd:"" help:"The name of this bridge at its gateway, for pages that cannot reach this computer."`
	Journal      journalCommand      `cmd:"" help:"The record of every decision and use of a key."`
	Doctor       doctorCommand       `cmd:"" help:"Check modules, tokens, keys, prompt, clock, ports, browsers and journal."`
	Policy       policyCommand       `cmd:"" name:"browser-policy" help:"Print the policy with which a browser of your company does not ask."`
	Receipt      receiptCommand      `cmd:"" help:"Receipts: one request, with all that proves it."`
	Audit        auditCommand        `cmd:"" help:"Replay a vault's log on a computer of your own, or be its witness."`
	Version      versionCommand      `cmd:"" help:"Print the version, and what it was built from."`

	Completion completionCommand `cmd:"" help:"Completion in your shell."`
	Man        manCommand        `cmd:"" hidden:"" help:"Write the manual page."`
}

// stdio is where a command reads and writes.
type stdio struct {
	out, err io.Writer
}

func main() {
	if device.Child() { // this program runs each PKCS#11 module in a process of its own
		return
	}
	if err := secret.Undumpable(); err != nil { // PINs and channel keys pass through its memory
		fmt.Fprintln(os.Stderr, "countersign-bridge:", err)
		os.Exit(1)
	}
	os.Exit(run(untilEnded(), os.Args[1:], stdio{os.Stdout, os.Stderr}))
}

// untilEnded ends with the first signal that ends a program, so that whatever happens a
// terminal at which it asks is put back, and no request is half done. Ctrl-\ is one; a
// second one ends a program that hangs, and says where.
func untilEnded() context.Context {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP)
	}
	signaled, _ := signal.NotifyContext(context.Background(), ends...)
	ctx, end := context.WithCancelCause(context.Background())
	context.AfterFunc(signaled, func() {
		signal.Reset(syscall.SIGQUIT)
		end(fault.Wrap(context.Canceled, fault.Cancelled, "the program was ended"))
	})
	return ctx
}

// exited carries the code of --help out of the parser.
type exited int

// run is the program: 0 when it did what it was asked, 1 when not, 2 when it was
// not understood.
func run(ctx context.Context, args []string, std stdio) (code int) {
	defer func() {
		if e, ok := recover().(exited); ok {
			code = int(e)
		}
	}()
	var g grammar
	parser, err := kong.New(&g, kong.Name("countersign-bridge"), kong.Description(about), kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(exited(code)) }), kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std), kong.Vars{"config": defaultConfig()})
	if err != nil {
		fmt.Fprintln(std.err, "countersign-bridge:", err)
		return 1
	}
	kongcompletion.Register(parser)
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(std.err, "countersign-bridge:", misunderstood(err))
		return 2
	}
	err = command.Run()
	ended := errors.Is(err, context.Canceled)
	switch {
	case err == nil, ended && slices.Contains([]string{"approver", "signer serve"}, command.Command()):
		return 0
	case !ended:
		fmt.Fprintln(std.err, "countersign-bridge:", explain(command.Command(), err))
	}
	return 1
}

// misunderstood says what was wrong with a command line, and which help has the right one.
func misunderstood(err error) string {
	said, command := err.Error(), "countersign-bridge"
	if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil {
		node := p.Context.Model.Node
		for _, step := range p.Context.Path {
			if step.Command != nil {
				node, command = step.Command, command+" "+step.Command.Name
			}
		}
		if node != p.Context.Model.Node && len(node.Children) > 0 {
			var names []string
			for _, c := range node.Children {
				names = append(names, c.Name)
			}
			said += "\nSay what to do before any flags: " + command + " " + strings.Join(names, "|")
		}
	}
	return said + "\nTry: " + command + " --help"
}

// explain is an error for the person at the terminal: who it is for may see
// causes. With a code comes what to do about it, unless it is the vault's: its
// log is not a journal that may be moved away.
func explain(command string, err error) string {
	remedy := doctor.RemedyFor(err)
	code := fault.CodeOf(err)
	switch {
	case strings.HasPrefix(command, "signer ") && code == fault.LogCorrupt:
		remedy = "Keep the files of the log as they are. `countersign-bridge signer restore` puts a copy in its place; \"Disaster\" in the bridge's README says which."
	case strings.HasPrefix(command, "receipt "), strings.HasPrefix(command, "audit"), // whose message names the part; the remedies are for pages
		strings.HasPrefix(command, "signer ") && code != fault.DeviceMissing && code != fault.DeviceFailed,
		code == fault.Conflict: // the message of a command says what to do; the remedy is for pages
		remedy = ""
	case code == fault.PromptUnavailable && command != "approver":
		remedy = "This command asks where it is started: start it in a terminal, or on a desktop with pinentry."
	}
	if remedy == "" {
		return err.Error()
	}
	return err.Error() + "\n  → " + remedy
}

type approverCommand struct {
	configFlag
}

// Help is shown by `countersign-bridge approver --help`.
func (approverCommand) Help() string {
	return `Serves WebSockets on loopback for the origins in the configuration. It prints
"listening on ws://127.0.0.1:18427" when it is ready and stops on Ctrl-C. When
your bridge runs already it says where, and leaves.

Prompts appear in a pinentry window when there is a display, else in the terminal
that the bridge was started from. You approve by typing the word "approve".

Example:
  countersign-bridge approver`
}

func (c *approverCommand) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	return approver.Run(ctx, cfg, approver.Stdio{Out: std.out, Err: std.err})
}

type signerCommand struct {
	Init     signerInit     `cmd:"" help:"Make the vault's keys, and the draft of its genesis, which the administrators sign."`
	Complete signerComplete `cmd:"" help:"Begin the vault with what all its administrators signed. Once."`
	Serve    signerServe    `cmd:"" help:"Serve the gateway on the unix socket in the configuration."`

	Verify  signerVerify  `cmd:"" help:"Verify the whole log from its genesis, without the vault's token."`
	Backup  signerBackup  `cmd:"" help:"Copy the log into a folder, or bring the copy there up to date, and verify it."`
	Restore signerRestore `cmd:"" help:"Put a copy of the log in its place, and hold it against the vault's token."`
	Rotate  signerRotate  `cmd:"" help:"Make new keys for the vault in another token, which its administrators then approve."`
	Resume  signerResume  `cmd:"" help:"Confirm that this computer's clock is right, after the signer stopped because of it."`
}

type signerInit struct {
	signerFlag
	Genesis string `required:"" type:"path" placeholder:"FILE" help:"The draft: entity, members with their public keys, accounts with their rules."`
	Out     string `required:"" type:"path" placeholder:"DIR" help:"Where genesis-draft.json goes, and later signer.json and the members' certificates."`
}

// Help is shown by `countersign-bridge signer init --help`.
func (signerInit) Help() string {
	return `Makes the vault's keys in its token, and writes genesis-draft.json: who and what the
vault begins with. It is not a vault yet. Each administrator in the draft reads and signs
that file with countersign-bridge vault sign-genesis, at their own bridge; then
signer complete begins the vault. Compare the fingerprint that is printed with
what the administrators see.

An init that broke off is completed when it is run again. To begin again with another
draft, remove genesis-draft.json first: what was signed counts for nothing then.`
}

func (c *signerInit) Run(ctx context.Context, std stdio) error {
	cfg, err := loadTrusted(c.Config, std)
	if err != nil {
		return err
	}
	return signer.Init(ctx, cfg, c.Genesis, c.Out, signer.Stdio{Out: std.out, Err: std.err})
}

type signerComplete struct {
	signerFlag
	Out    string   `required:"" type:"path" placeholder:"DIR" help:"Where genesis-draft.json is, and where signer.json and the members' certificates go."`
	Signed []string `arg:"" type:"existingfile" help:"What the administrators signed: mem_….genesis.jws, one file of each."`
}

// Help is shown by `countersign-bridge signer complete --help`.
func (signerComplete) Help() string {
	return `Begins the vault when every administrator of genesis-draft.json signed exactly that
file: their signatures are in the first entry of the log, and are verified whenever it
is read. Otherwise it says whose is missing or wrong, and writes nothing. Then it writes
the members' certificates and, last, signer.json. One that broke off is completed when
it is run again.

Example:
  countersign-bridge signer complete --config signer.json --out enrolment mem_*.genesis.jws`
}

func (c *signerComplete) Run(ctx context.Context, std stdio) error {
	cfg, err := loadTrusted(c.Config, std)
	if err != nil {
		return err
	}
	return signer.Complete(ctx, cfg, c.Out, c.Signed, signer.Stdio{Out: std.out, Err: std.err})
}

type signerServe struct {
	Config []string `required:"" short:"c" type:"path" sep:"none" placeholder:"FILE" help:"The configuration file (JSON; the README has one). Once for each vault: one process serves several."`
}

func (c *signerServe) Run(ctx context.Context, std stdio) error {
	var all []signer.Config
	for _, path := range c.Config {
		cfg, err := loadTrusted(path, std)
		if err != nil {
			return err
		}
		all = append(all, cfg)
	}
	return signer.RunAll(ctx, all, signer.Stdio{Out: std.out, Err: std.err})
}

type signerResume struct {
	signerFlag
}

// Help is shown by `countersign-bridge signer resume --help`.
func (signerResume) Help() string {
	return `The signer compares this computer's clock with the time that has passed. When the
clock jumps by more than two minutes, or when the computer was off for longer than
max_off in the configuration, the signer stops: nothing expires, and nothing is
decided. It goes on by itself when the clock is right again. When the clock is
right as it is now, confirm that here: look at it first. The signer writes your
confirmation into its log.

Run it as the signer's user:
  date -u
  sudo -u countersign-signer countersign-bridge signer resume --config /etc/countersign/signer/signer.json`
}

func (c *signerResume) Run(ctx context.Context, std stdio) error {
	cfg, err := loadTrusted(c.Config, std)
	if err != nil {
		return err
	}
	return signer.Resume(ctx, cfg, signer.Stdio{Out: std.out, Err: std.err})
}

type signerVerify struct {
	signerFlag
	SignerFile string `required:"" type:"path" placeholder:"FILE" help:"signer.json, as signer complete wrote it: the key that the log must be signed with."`
	Log        string `type:"existingdir" placeholder:"DIR" help:"The folder of another copy of the log than the configuration's."`
}

// Help is shown by `countersign-bridge signer verify --help`.
func (signerVerify) Help() string {
	return `Every entry's signature, every member's signed decision, every address and every
decision of the rules is verified again, on all cores. A long log says how far it is.
The signer may run meanwhile. An end that was cut off is not seen here: only the
vault's token knows it, and the signer compares at each start.

  sudo -u countersign-signer countersign-bridge signer verify --config /etc/countersign/signer/signer.json \
    --signer-file /var/lib/countersign-signer/enrolment/signer.json`
}

func (c *signerVerify) Run(ctx context.Context, std stdio) error {
	cfg, err := loadSigner(c.Config)
	if err != nil {
		return err
	}
	if c.Log != "" {
		cfg.StateDir = c.Log
	}
	return signer.VerifyLog(ctx, cfg, c.SignerFile, signer.Stdio{Out: std.out, Err: std.err})
}
