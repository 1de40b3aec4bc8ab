package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"countersign/bridge/internal/access"
	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/secret"
	"countersign/shared/shell"
	"countersign/shared/weborigin"
)

// lowSpace is how little room on the disk is worth a warning, in bytes.
const lowSpace = 64 << 20

// expiresSoon is how long before its end a certificate is worth a warning.
const expiresSoon = 30 * 24 * time.Hour

// maxDrift is how far the clock may be off: a statement that is a minute old or
// from the future is refused.
const maxDrift = 30 * time.Second

func ownerOf(info os.FileInfo) (uid int, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}

// files looks at the configuration and the state directory.
func (c *checks) files() {
	c.others()
	refused := c.refused
	switch _, err := os.Stat(c.File); {
	case err != nil:
		c.note("config", Bad, err.Error(), "Name the configuration file with --config.")
	case !refused["config"]:
		c.note("config", OK, "the configuration "+c.File+" is valid", "")
	}
	dir := c.Bridge.StateDir
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		c.note("state", OK, "the state directory "+dir+" is made at the first start", "")
		return
	}
	if err != nil {
		c.note("state", Bad, err.Error(), "Make it a directory that only you can enter.")
		return
	}
	mine, closed := owned(info)
	switch {
	case !info.IsDir():
		c.note("state", Bad, dir+" is not a directory", "Name another state_dir.")
	case refused["state"]:
	case !mine:
		c.note("state", Bad, "the state directory "+dir+" belongs to another user", "Start the bridge as its owner, or give it to yourself with chown -R.")
	case !closed:
		c.note("state", Bad, "others can enter the state directory "+dir, "chmod 700 "+shell.Word(dir))
	default:
		c.note("state", OK, "only you can enter the state directory "+dir, "")
	}
	for _, name := range []string{"link.key", "journal.log", "pairings.json", "blocks.json"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !refused["state:"+name] {
			if mine, closed := owned(info); !mine || !closed {
				c.note("state:"+name, Bad, path+" is not yours alone", "chown it to yourself, and chmod 600 "+shell.Word(path))
			}
		}
	}
}

// others says which other user could change what the bridge does: it does not start then,
// and what is refused is not looked at further.
func (c *checks) others() {
	all := c.Bridge.Judge()
	if !slices.ContainsFunc(all, func(j approver.Judged) bool { return j.ID == "config" }) {
		all = append(all, approver.Judged{ID: "config", Verdict: access.Others(c.File)})
	}
	c.refused = map[string]bool{}
	for _, j := range all {
		switch {
		case j.Refuse != "":
			c.refused[j.ID] = true
			c.note(j.ID, Bad, "the bridge does not start: "+j.Refuse, "Look at what it holds before you do that.")
		case j.Warn != "":
			c.note("others:"+j.ID, Warn, j.Warn, "Work in folders of your own.")
		}
	}
}

// journal verifies the journal and looks at the room that it has.
func (c *checks) journal(ctx context.Context) {
	path := filepath.Join(c.Bridge.StateDir, "journal.log")
	var last journal.Entry
	head, err := c.read(ctx, path, func(e journal.Entry, _ []byte) error { last = e; return nil })
	f, _ := fault.As(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.note("journal", OK, "there is no journal yet: the first start of the bridge makes it", "")
	case f != nil && f.Code == fault.LogCorrupt:
		c.note("journal", Bad, f.Message, "Find out who wrote the file. Keep it, and move it away: the bridge starts a new one. A torn last line is repaired by the next start.")
	case err != nil:
		c.note("journal", Bad, err.Error(), "Make it readable and writable for its owner only: chmod 600 "+shell.Word(path))
	default:
		c.note("journal", OK, fmt.Sprintf("the journal is whole: %s, head %s", entries(head.Size), head.Hash), "")
	}
	if at, err := time.Parse(time.RFC3339, last.Time); err == nil && at.After(c.Now().Add(maxDrift)) {
		c.note("clock:journal", Bad, fmt.Sprintf("the clock went back: the journal's last entry is of %s", last.Time), "Set the clock, and let it be kept by NTP.")
	}
	if free, ok := freeSpace(c.Bridge.StateDir); ok && free < lowSpace {
		c.note("disk", Warn, fmt.Sprintf("%d MB are free where the journal is: when it cannot be written, nothing is signed", free>>20), "Make room on the disk.")
	}
}

// read reads a journal, up to where the bridge that runs says that it ends.
func (c *checks) read(ctx context.Context, path string, each func(journal.Entry, []byte) error) (journal.Head, error) {
	end, running, err := control.Ask(ctx, c.client, control.JournalEnd, control.EndParams{After: -1})
	if err != nil || !running {
		return journal.Read(path, each)
	}
	head, err := (&journal.Reader{Path: path}).To(end.Bytes, each)
	if err == nil && head != end.Head {
		err = fault.New(fault.LogCorrupt, "the journal is not the one that the running bridge writes")
	}
	return head, err
}

func freeSpace(dir string) (bytes uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

// certificates reads the identities.
func (c *checks) certificates() (members []*member.Identity) {
	if len(c.Bridge.Identities) == 0 {
		c.note("identities", Warn, "no identity is configured: no request can be approved here", "Make keys (countersign-bridge keys generate), give their public halves to the vault's operator, and name the certificate that you get back in identities.")
	}
	list, err := c.Bridge.Members()
	if err != nil {
		c.note("identities", Bad, "the bridge does not start: "+err.Error(), "Ask the vault's operator for signer.json, and list each member once in identities.")
	}
	for _, o := range list.Out {
		remedy := "Ask the vault's operator for signer.json and your certificate: both are of one vault. Then start the bridge again."
		if o.Code == fault.Invalid {
			remedy = "Correct it in identities: keys list prints the URIs of keys. Then start the bridge again."
		}
		c.note("certificate:"+o.Member, Bad, fmt.Sprintf("the bridge leaves out the identity %s: %s", o.Member, o.Err.Error()), remedy)
	}
	for _, m := range list.All {
		id := "certificate:" + m.Member
		until := m.Expires.UTC().Format(time.DateOnly)
		switch expired := m.Valid(c.Now()); {
		case expired != nil:
			c.note(id, Bad, fmt.Sprintf("the bridge leaves out the identity %s: %s", m.Member, messageOf(expired)), "Ask the vault's operator for a new one. Then start the bridge again.")
		case m.Expires.Sub(c.Now()) < expiresSoon:
			c.note(id, Warn, fmt.Sprintf("the certificate of %s expires on %s", m.Member, until), "Get a newer one from the vault's operator (GET /v1/members/"+m.Member+"/certificate at the gateway), keep it (countersign-bridge member enrol FILE), and start the bridge again.")
		default:
			c.note(id, OK, fmt.Sprintf("the certificate of %s is good until %s", m.Member, until), "")
		}
	}
	return list.All
}

// prompt looks where questions would appear. A bridge that runs was perhaps started where
// there is a terminal, and asks there.
func (c *checks) prompt(ctx context.Context) {
	if c.refused["prompt"] {
		return
	}
	asker, err := consent.New(consent.Config{Prompt: c.Bridge.Prompt, Pinentry: c.Bridge.Pinentry})
	switch {
	case err != nil:
		c.note("prompt", Bad, err.Error(), `Install pinentry, or set "pinentry" to where it is.`)
	case asker.Where() == "" && c.asks:
		c.note("prompt", OK, "questions appear where the running bridge was started; here there is neither a display with pinentry nor a terminal", "")
	default:
		if err := asker.Check(ctx); err != nil {
			c.note("prompt", Bad, strings.TrimPrefix(err.Error(), string(fault.CodeOf(err))+": "), Remedy(fault.CodeOf(err)))
			return
		}
		c.note("prompt", OK, "prompt: "+asker.Where(), "")
	}
}

// clock compares the clock with the gateway's, where one is configured, and with
// reason.
func (c *checks) clock(ctx context.Context) {
	const remedy = "Set the clock, and let it be kept by NTP: every statement would look stale."
	now := c.Now()
	if y := now.Year(); y < 2026 || y > 2099 {
		c.note("clock", Bad, "the clock is wrong: it says "+now.UTC().Format(time.RFC3339), remedy)
		return
	}
	gateway := c.Bridge.Relay.Gateway
	if gateway == "" {
		c.note("clock", OK, "the clock says "+now.UTC().Format(time.RFC3339), "")
		return
	}
	theirs, err := c.serverTime(ctx, gateway)
	if err != nil {
		c.noGateway = true
		c.note("gateway", Warn, "the gateway "+gateway+" does not answer: "+err.Error(), "Without it pages reach this bridge over loopback only.")
		c.note("clock", OK, "the clock says "+now.UTC().Format(time.RFC3339)+", which no gateway confirms", "")
		return
	}
	// A date has whole seconds; the answer took its time.
	drift := now.Sub(theirs)
	if drift.Abs() > maxDrift {
		c.note("clock", Bad, fmt.Sprintf("the clock is %s off the gateway's", drift.Abs().Truncate(time.Second)), remedy)
		return
	}
	c.note("clock", OK, "the clock agrees with the gateway's: "+now.UTC().Format(time.RFC3339), "")
}

func (c *checks) serverTime(ctx context.Context, gateway string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, gateway, nil)
	if err != nil {
		return time.Time{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return time.Time{}, secret.Redact(err, gateway)
	}
	defer res.Body.Close()
	return http.ParseTime(res.Header.Get("Date"))
}

// origins looks at the list of sites.
func (c *checks) origins() {
	if len(c.Bridge.Origins) == 0 {
		c.note("origins", Bad, "no origin is configured: no dashboard may connect", "countersign-bridge origins add --config "+shell.Word(c.File)+" https://…")
	}
	blocks := site.OpenBlocks(c.Bridge.StateDir)
	for _, o := range c.Bridge.Origins {
		id := "origin:" + secret.Text(o)
		if err := weborigin.Check(o); err != nil {
			c.note(id, Bad, err.Error(), "Write it as the browser does.")
			continue
		}
		blocked, err := blocks.Has(o)
		switch {
		case err != nil:
			c.note(id, Bad, err.Error(), "Repair the file, or remove it: that unblocks every site.")
		case blocked:
			c.note(id, Warn, o+" is blocked: you chose that at the prompt", "countersign-bridge origins unblock --config "+shell.Word(c.File)+" "+shell.Word(o))
		default:
			c.note(id, OK, o+" may connect", "")
		}
	}
}

// entries counts them in English.
func entries(n uint64) string { return fold.Count(n, "entry", "entries") }
