package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/signer"
	"countersign/shared/fault"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

type governanceCommand struct {
	Simulate governanceSimulate `cmd:"" help:"Say what rules allow and prevent: who alone can move what, what nobody can approve, what a lost token breaks."`
	Diff     governanceDiff     `cmd:"" help:"Say what a change of rules does, also to what was recorded."`
	Impact   governanceImpact   `cmd:"" help:"Compute again what a change does that administrators approve, and compare it with what they sign."`
	Show     governanceShow     `cmd:"" help:"Print what governs a vault now, from its log, as a file of rules."`
	Preset   presetCommand      `cmd:"" help:"Print rules that fit together, for a draft or for requests."`
}

const ruleFiles = `A file of rules is one of
  the draft of a genesis, as ` + "`signer init`" + ` reads it;
  a vault: {"members":[…],"groups":[…],"whitelists":[…],"accounts":[…],"admin_rule":{"quorum":2}};
  one rule set: {"version":1,"rules":[…]}, whose members are all whom it names by id.
No vault and no token is needed. bridge/README.md has an example.`

type governanceSimulate struct {
	File string `arg:"" type:"path" placeholder:"FILE" help:"The rules."`
	JSON bool   `name:"json" help:"Print the findings as JSON."`
}

// Help is shown by `countersign-bridge governance simulate --help`.
func (governanceSimulate) Help() string {
	return `Answers four questions about rules before they govern anything:

  Who can move what in a day?
  What can nobody approve?
  What happens when a token is lost?
  What is written and does nothing?

"Never" and "nobody" hold for each request that can be asked; amounts are the most that
is possible. Where that cannot be known it says so.

` + ruleFiles + `

Examples:
  countersign-bridge governance simulate draft.json
  countersign-bridge governance simulate --json draft.json | jq '.[] | select(.severity == "alert")'`
}

// questions are the parts of the answer, in their order.
var questions = []struct {
	asks, none string
	codes      []rehearsal.Code
}{
	{"Who can move what in a day?", "nobody can move anything", []rehearsal.Code{rehearsal.MovesItself, rehearsal.MovesAlone, rehearsal.MovesTogether}},
	{"What can nobody approve?", "somebody can approve each request", []rehearsal.Code{rehearsal.Unapprovable, rehearsal.Unmatched, rehearsal.UnreachableStep}},
	{"What happens when a token is lost?", "no lost token stops anything", []rehearsal.Code{rehearsal.TokenLost, rehearsal.EachNeeded}},
	{"What is written and does nothing, or is not looked into?", "nothing", []rehearsal.Code{rehearsal.Contradiction, rehearsal.DeadRule, rehearsal.IdleDeny, rehearsal.NotJudged}},
}

func (c *governanceSimulate) Run(std stdio) error {
	v, err := signer.ReadVault(c.File)
	if err != nil {
		return err
	}
	found := rehearsal.Rehearse(v)
	if c.JSON {
		return writeJSON(std.out, append([]rehearsal.Finding{}, found...))
	}
	var out strings.Builder
	for i, q := range questions {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(q.asks + "\n")
		some := false
		for _, code := range q.codes {
			for _, f := range found {
				if f.Code == code {
					some = true
					point(&out, mark(f.Severity), f.Text)
				}
			}
		}
		if !some {
			point(&out, " ", q.none)
		}
	}
	_, err = io.WriteString(std.out, out.String())
	return err
}

// mark is how a severity looks: ! is an alert.
func mark(s rehearsal.Severity) string {
	switch s {
	case rehearsal.Alert:
		return "!"
	case rehearsal.Warning:
		return "*"
	}
	return "-"
}

// point writes a point of a list, in lines that fit a terminal.
func point(out *strings.Builder, mark, text string) {
	const width = 96
	for i, line := range fold.Line(text, width, width) {
		if i > 0 {
			mark = " "
		}
		fmt.Fprintf(out, "  %s %s\n", mark, strings.TrimSuffix(line, " "))
	}
}

// signerFileFlag is the flag that every command has that reads a log.
type signerFileFlag struct {
	SignerFile string `type:"path" placeholder:"FILE" help:"signer.json, as signer complete wrote it: the key that the log must be signed with. Without it the key that the log itself begins with."`
}

type governanceShow struct {
	Log string `required:"" type:"path" placeholder:"DIR" help:"The state_dir of a signer."`
	signerFileFlag
}

// Help is shown by `countersign-bridge governance show --help`.
func (governanceShow) Help() string {
	return `The log is verified as ` + "`signer verify`" + ` does. A member who is not active has a state. Change a copy,
and ask what the change does:

Examples:
  sudo -u countersign-signer countersign-bridge governance show --log /var/lib/countersign-signer > now.json
  countersign-bridge governance simulate now.json`
}

func (c *governanceShow) Run(ctx context.Context, std stdio) error {
	v, err := signer.Now(ctx, c.Log, c.SignerFile, signer.Stdio{Out: std.out, Err: std.err})
	if err != nil {
		return err
	}
	return writeJSON(std.out, v)
}

type governanceDiff struct {
	Old string `arg:"" type:"path" placeholder:"OLD" help:"The rules as they are."`
	New string `arg:"" type:"path" placeholder:"NEW" help:"The rules as they would be."`
	Log string `type:"path" placeholder:"DIR" help:"The state_dir of a signer: its recorded and open requests are asked of the new rules."`
	signerFileFlag
	JSON bool `name:"json" help:"Print the report in its canonical form, whose digest is what is agreed to."`
}

// Help is shown by `countersign-bridge governance diff --help`.
func (governanceDiff) Help() string {
	return `Says what a change of rules does: what findings of simulate are new and which are gone,
and with --log what the new rules would have said to each recorded request and what the
open ones would need. Windows of velocities are added up again, in which whatever the new
rules deny spends nothing. The same files and the same log give the same report, byte for
byte, and the same digest.

The log is verified as ` + "`signer verify`" + ` does, on all cores; a long one says how far it is.
The signer may run meanwhile.

` + ruleFiles + `

Examples:
  countersign-bridge governance diff now.json draft.json
  sudo -u countersign-signer countersign-bridge governance show --log /var/lib/countersign-signer > now.json
  sudo -u countersign-signer countersign-bridge governance diff now.json draft.json \
    --log /var/lib/countersign-signer --signer-file /var/lib/countersign-signer/enrolment/signer.json
  countersign-bridge governance diff --json now.json draft.json > report.json`
}

func (c *governanceDiff) Run(ctx context.Context, std stdio) error {
	from, err := signer.ReadVault(c.Old)
	if err != nil {
		return err
	}
	to, err := signer.ReadVault(c.New)
	if err != nil {
		return err
	}
	var log *signedlog.Mark
	var past iter.Seq2[rehearsal.Past, error] = rehearsal.History()
	if c.Log != "" {
		log = &signedlog.Mark{}
		past = signer.History(ctx, c.Log, c.SignerFile, log, signer.Stdio{Out: std.out, Err: std.err})
	}
	r, err := rehearsal.Compare(from, to, log, past, nil)
	if err != nil {
		return fmt.Errorf("compare the rules: %w", err)
	}
	if c.JSON {
		return writeCanonical(std.out, r)
	}
	return writeReport(std.out, r)
}

// writeReport writes a report for a person.
func writeReport(to io.Writer, r rehearsal.Report) error {
	var out strings.Builder
	if lines := r.Summary(); len(lines) > 0 {
		for _, line := range lines {
			point(&out, "-", line)
		}
	} else {
		point(&out, "-", "nothing changes")
	}
	if r.Log != nil {
		fmt.Fprintf(&out, "\nlog     %s, head %s\n", fold.Count(int(r.Log.Size), "entry", "entries"), r.Log.Head)
	}
	fmt.Fprintf(&out, "report  %s\n", r.Digest())
	_, err := io.WriteString(to, out.String())
	return err
}

type governanceImpact struct {
	Request string `arg:"" placeholder:"REQUEST" help:"The request for the change: req_…."`
	Log     string `required:"" type:"path" placeholder:"DIR" help:"The state_dir of a signer."`
	signerFileFlag
	JSON bool `name:"json" help:"Print the report in its canonical form, whose digest administrators sign."`
}

// Help is shown by `countersign-bridge governance impact --help`.
func (governanceImpact) Help() string {
	return `Who approves a change of the vault reads in the prompt what it does, and signs the digest of
the whole report. This computes the report again, from the log alone, prints it, and fails
when the request names another one. The log is verified as ` + "`signer verify`" + ` does; the signer may
run meanwhile.

Examples:
  sudo -u countersign-signer countersign-bridge governance impact req_… --log /var/lib/countersign-signer \
    --signer-file /var/lib/countersign-signer/enrolment/signer.json`
}

func (c *governanceImpact) Run(ctx context.Context, std stdio) error {
	r, said, err := signer.Recompute(ctx, c.Log, c.SignerFile, c.Request, signer.Stdio{Out: std.out, Err: std.err})
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeCanonical(std.out, r)
	} else {
		err = writeReport(std.out, r)
	}
	if got := statement.Summarize(r.Digest(), said.Log, r.Summary()); err == nil && !got.Equal(&said) {
		err = fault.New(fault.LogCorrupt, "the request names another report, "+said.Report+": what administrators read was not true").With("part", "impact")
	}
	return err
}

// writeCanonical writes a value in its canonical form, and a line feed.
func writeCanonical(to io.Writer, v any) error {
	data, err := strictjson.Canonical(v)
	if err != nil {
		return err
	}
	_, err = to.Write(append(data, '\n'))
	return err
}
