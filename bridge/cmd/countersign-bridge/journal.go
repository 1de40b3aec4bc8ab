package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/shared/fault"
)

type journalCommand struct {
	Show   journalShow   `cmd:"" help:"Print the entries, verifying the chain."`
	Verify journalVerify `cmd:"" help:"Verify the chain and print its head; have a token sign the head, or check one that was signed."`
	Export journalExport `cmd:"" help:"Write the entries as JSON lines or CSV, for an archive or an auditor."`
}

// journalPath is where the journal of a bridge is.
func journalPath(cfg approver.Config) string { return approver.JournalPath(cfg) }

// book is the journal of a bridge, for what a command does with keys: the bridge that
// runs writes it.
type book struct {
	client *control.Client
}

// ready fails when the journal cannot be written: better before a PIN is asked for.
func (b book) ready(ctx context.Context) error {
	_, err := control.Call(ctx, b.client, control.WriteToJournal, control.JournalParams{Events: []journal.Event{}})
	return err
}

// Append writes one line and returns where the journal ends then.
func (b book) Append(ctx context.Context, e journal.Event) (journal.Head, error) {
	return control.Call(ctx, b.client, control.WriteToJournal, control.JournalParams{Events: []journal.Event{e}})
}

// endOf asks whoever writes the journal where it ends, as soon as it is longer than so
// many bytes.
func endOf(ctx context.Context, cfg approver.Config, after int64) (control.EndResult, error) {
	end, err := control.Call(ctx, approver.Client(cfg), control.JournalEnd, control.EndParams{After: after})
	if errors.Is(err, fs.ErrNotExist) {
		err = errNoJournal
	}
	return end, err
}

// errNoJournal is why a journal cannot be read before the first start.
var errNoJournal = errors.New("there is no journal yet: the first start of the bridge makes it")

// readJournal verifies the journal as it is now and calls each, which may be nil, with
// every entry and its line.
func readJournal(ctx context.Context, cfg approver.Config, each func(journal.Entry, []byte) error) (journal.Head, error) {
	end, err := endOf(ctx, cfg, -1)
	if err != nil {
		return journal.Head{}, err
	}
	return readTo(&journal.Reader{Path: journalPath(cfg)}, end, each)
}

// readTo reads what follows in a journal, up to its end.
func readTo(r *journal.Reader, end control.EndResult, each func(journal.Entry, []byte) error) (journal.Head, error) {
	head, err := r.To(end.Bytes, each)
	if err == nil && end.Running && head != end.Head {
		err = fault.New(fault.LogCorrupt, "the file is not the journal that the running bridge writes")
	}
	return head, err
}

// followEvery is how often a command that follows the journal asks while no bridge runs.
const followEvery = time.Second

// follow is readJournal that goes on with what is added, until ctx ends.
func follow(ctx context.Context, cfg approver.Config, each func(journal.Entry, []byte) error) error {
	again := time.NewTicker(followEvery)
	defer again.Stop()
	r, after := &journal.Reader{Path: journalPath(cfg)}, int64(-1)
	for {
		end, err := endOf(ctx, cfg, after)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil && end.Bytes != after {
			_, err = readTo(r, end, each)
		}
		if err != nil {
			return err
		}
		after = end.Bytes
		if end.Running {
			continue
		}
		select { // nobody writes: a bridge may start
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// bridgeName is what this computer is called.
func bridgeName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// filterFlags choose entries.
type filterFlags struct {
	Since  string `placeholder:"TIME" help:"From this moment on: 2027-01-31, or 2027-01-31T08:00:00Z. UTC."`
	Until  string `placeholder:"TIME" help:"Before this moment."`
	Member string `placeholder:"ID" help:"Only what concerns this member, such as mem_alice."`
}

func (f filterFlags) filter() (journal.Filter, error) {
	since, err := moment("--since", f.Since)
	if err != nil {
		return journal.Filter{}, err
	}
	until, err := moment("--until", f.Until)
	return journal.Filter{Since: since, Until: until, Member: f.Member}, err
}

func moment(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, fmt.Sprintf("%s %q: write 2027-01-31 or 2027-01-31T08:00:00Z", flag, s))
}

type journalShow struct {
	configFlag
	filterFlags
	Follow bool `short:"f" help:"Go on with what is added, until Ctrl-C."`
	JSON   bool `name:"json" help:"Print the journal's own lines, one JSON object each, for programs."`
}

// Help is shown by `countersign-bridge journal show --help`.
func (journalShow) Help() string {
	return `Each decision and each use of a key, in order: what was decided on, by whom, for
which site. Times are UTC. Lines have at most 80 columns; programs read --json.

Examples:
  countersign-bridge journal show --since 2027-01-31
  countersign-bridge journal show --member mem_alice --json
  countersign-bridge journal show --follow`
}

func (c *journalShow) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	filter, err := c.filter()
	if err != nil {
		return err
	}
	each := func(e journal.Entry, line []byte) error {
		switch {
		case !filter.Takes(e):
			return nil
		case c.JSON:
			_, err := std.out.Write(line)
			return err
		}
		return show(std.out, e)
	}
	if c.Follow {
		return follow(ctx, cfg, each)
	}
	_, err = readJournal(ctx, cfg, each)
	return err
}

type journalVerify struct {
	configFlag
	Sign   bool   `xor:"head" help:"Have the member's token sign the head. Asks for the PIN at the prompt."`
	Member string `placeholder:"ID" help:"With --sign: whose token, when the configuration has several identities."`
	Out    string `type:"path" placeholder:"FILE" help:"With --sign: write the signed head here; else it is printed."`
	Head   string `xor:"head" type:"existingfile" placeholder:"FILE" help:"Check that the journal still holds this signed head."`
}

// Help is shown by `countersign-bridge journal verify --help`.
func (journalVerify) Help() string {
	return `Reads the whole journal and checks that no line was changed, removed or moved.
The chain alone does not stop somebody who may write the file from writing a new
one. A head that your token signed, kept elsewhere, does: see the examples.

Examples:
  countersign-bridge journal verify
  countersign-bridge journal verify --sign --out head-2027-01.jws
  countersign-bridge journal verify --head head-2027-01.jws`
}

func (c *journalVerify) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	if !c.Sign && (c.Out != "" || c.Member != "") {
		return fault.New(fault.Invalid, "--out and --member go with --sign")
	}
	if c.Head != "" {
		return checkHead(ctx, cfg, c.Head, std)
	}
	head, err := readJournal(ctx, cfg, nil)
	if err != nil {
		return err
	}
	if c.Sign {
		return c.sign(ctx, cfg, std)
	}
	_, err = fmt.Fprintln(std.out, headLine(head))
	return err
}

// headLine is where a journal ends.
func headLine(head journal.Head) string {
	return fold.Count(head.Size, "entry", "entries") + ", head " + head.Hash
}

// checkHead compares a journal with a head that was signed.
func checkHead(ctx context.Context, cfg approver.Config, path string, std stdio) error {
	token, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	list, err := cfg.Members()
	if err != nil {
		return err
	}
	for _, m := range list.All {
		signed, err := journal.OpenHead(string(token), m.Approval)
		if fault.CodeOf(err) == fault.SignatureInvalid {
			continue // it is another member's, or nobody's
		}
		if err != nil {
			return err
		}
		end, err := endOf(ctx, cfg, -1)
		if err != nil {
			return err
		}
		f, err := os.Open(journalPath(cfg))
		if err != nil {
			return err
		}
		defer f.Close()
		head, err := journal.Contains(io.LimitReader(f, end.Bytes), signed)
		if err != nil {
			return err
		}
		first := "the first one is what"
		if signed.Size != 1 {
			first = fmt.Sprintf("the first %d are those that", signed.Size)
		}
		_, err = fmt.Fprintf(std.out, "%s\n%s %s signed on %s as %q\n", headLine(head), first, m.Member, time.Unix(signed.IssuedAt, 0).UTC().Format(time.RFC3339), signed.Bridge)
		return err
	}
	why := "the head is not signed by the approval key of any identity in the configuration"
	for _, o := range list.Out {
		why += fmt.Sprintf("; the identity %s is left out: %v", o.Member, o.Err)
	}
	return fault.New(fault.SignatureInvalid, why)
}

// sign has a token sign the head.
func (c *journalVerify) sign(ctx context.Context, cfg approver.Config, std stdio) (err error) {
	member, err := oneMember(cfg, c.Member)
	if err != nil {
		return err
	}
	s, err := openTokens(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	key, err := s.certified(ctx, member.Keys()[0])
	if err != nil {
		return err
	}
	const why = "It signs the head of the journal."
	if err := s.unlock(ctx, key, why); err != nil {
		return err
	}
	event := journal.Event{Kind: journal.HeadSigned, Entity: member.Entity, Member: member.Member, Statement: journal.TypHead}
	var head journal.Head
	token, err := s.journaled(ctx, key, event, func(end journal.Head) (string, error) {
		head = end
		return journal.SignHead(ctx, s.using(key, why), bridgeName(), end, time.Now())
	})
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err = fmt.Fprintln(std.out, token)
		return err
	}
	if err := os.WriteFile(c.Out, []byte(token+"\n"), 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\nsigned by %s: keep %s where this computer cannot change it\n", headLine(head), member.Member, c.Out)
	return err
}

// oneMember finds the identity that is meant, by its member, or ENTITY/MEMBER.
func oneMember(cfg approver.Config, name string) (*member.Identity, error) {
	list, err := cfg.Members()
	if err != nil {
		return nil, err
	}
	var all []member.Config
	for _, c := range cfg.Identities {
		if name == "" || name == c.Member || name == c.Entity+"/"+c.Member {
			all = append(all, c)
		}
	}
	switch {
	case len(cfg.Identities) == 0:
		return nil, fault.New(fault.NotFound, "the configuration has no identity")
	case len(all) == 0:
		return nil, fault.New(fault.NotFound, fmt.Sprintf("the configuration has no identity %q", name))
	case len(all) > 1 && name != "":
		return nil, fault.New(fault.Invalid, fmt.Sprintf("%s is a member of several entities: say which with --member %s/%s", name, all[0].Entity, name))
	case len(all) > 1:
		return nil, fault.New(fault.Invalid, "the configuration has several identities: say which with --member")
	}
	for _, o := range list.Out {
		if o.Config == all[0] {
			return nil, fmt.Errorf("identity %s: %w", o.Member, o.Err)
		}
	}
	return list.Find(all[0].Entity, all[0].Member)
}

type journalExport struct {
	configFlag
	filterFlags
	CSV bool `name:"csv" help:"A table for a spreadsheet, instead of JSON lines."`
}

// Help is shown by `countersign-bridge journal export --help`.
func (journalExport) Help() string {
	return `Verifies the journal and writes its entries to standard output: a line that says
what was exported and where the chain ends, then the journal's own lines. Of a
broken journal it writes nothing.

Examples:
  countersign-bridge journal export --since 2027-01-01 --until 2027-02-01 > january.jsonl
  countersign-bridge journal export --member mem_alice --csv > alice.csv`
}

func (c *journalExport) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	filter, err := c.filter()
	if err != nil {
		return err
	}
	end, err := endOf(ctx, cfg, -1)
	if err != nil {
		return err
	}
	return journal.Export{Filter: filter, CSV: c.CSV, Bridge: bridgeName(), Now: time.Now()}.Write(std.out, journalPath(cfg), end.Bytes)
}
