package hostile

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"

	"countersign/bridge/internal/approval"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// computer is a member's computer with the bridge's own desk, and the member before its
// prompt, who compares what they read with what they mean to sign.
type computer struct {
	world *world
	id    string
	desk  *approval.Desk
	means intent.Intent // what they mean to sign; nil: whatever they read
	while func()        // what happens while the prompt is open
}

// at is the computer of a member.
func (w *world) at(id string) *computer {
	w.t.Helper()
	if c := w.desks[id]; c != nil {
		return c
	}
	c := &computer{world: w, id: id}
	list, err := member.Read(w.path("signer.json"), []member.Config{{Entity: entity, Member: id, CertificateFile: w.path(id + ".jws"),
		ApprovalKey: "pkcs11:token=" + id + ";object=approval", ChannelKey: "pkcs11:token=" + id + ";object=channel"}}, 1)
	w.must(err)
	book, err := journal.Open(journal.Config{Path: w.path(id + ".journal"), Now: w.clock})
	w.must(err)
	keeper := unlock.New(unlock.Config{Tokens: tokens{w}, Prompts: consent.NewQueue(c, 0), Journal: book, Now: w.clock, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(w.t.Context())
	c.desk = approval.New(ctx, approval.Config{
		Members: list, Tokens: keeper.User(c), Asker: c, Decider: approval.Person{}, Journal: book,
		Refusals: journal.NewRefusals(w.clock, func(journal.Event) {}), Rand: rand.Reader, Now: w.clock,
	})
	w.t.Cleanup(func() { cancel(); c.desk.Close(); keeper.Wait(); _ = book.Close() })
	w.desks[id] = c
	return c
}

// tokens are unlocked tokens in memory, which are called as their members.
type tokens struct{ world *world }

func (d tokens) Key(_ context.Context, uri string) (keys.Key, error) {
	u, err := device.ParseURI(uri)
	if err != nil {
		return nil, err
	}
	m := d.world.members[u.Token]
	if u.Object == member.PurposeChannel {
		return m.Channel, nil
	}
	return m.Approval, nil
}

func (d tokens) Token(uri string) string   { u, _ := device.ParseURI(uri); return u.Token }
func (d tokens) Name(token string) string  { return token }
func (d tokens) Present(token string) bool { return true }
func (d tokens) State(_ context.Context, token string) (device.State, error) {
	return device.State{Identity: device.Identity{Label: token}, Present: true}, nil
}

// The page that asks.

func (c *computer) Who() unlock.Who {
	return unlock.Who{Origin: "https://gateway", Site: "https://gateway", Pairing: "1"}
}
func (c *computer) Permitted() error             { return nil }
func (c *computer) Progress(string, int, int)    {}
func (c *computer) Tell(context.Context, string) {}
func (c *computer) Shown(string, string)         {}
func (c *computer) Prompt(ctx context.Context, _ unlock.Prompt, ask func(context.Context, consent.Opened) error) error {
	return ask(ctx, func() func(error) { return func(error) {} })
}

// The member at the prompt.

func (c *computer) Where() string               { return consent.AtTerminal }
func (c *computer) Check(context.Context) error { return nil }
func (c *computer) PIN(context.Context, consent.PINQuestion) ([]byte, error) {
	return nil, fault.New(fault.Declined, "the tokens have no PIN")
}
func (c *computer) Show(ctx context.Context, _ consent.Notice) error { <-ctx.Done(); return ctx.Err() }

func (c *computer) Confirm(_ context.Context, q consent.Question) error {
	if strings.HasPrefix(q.Title, "Use ") {
		return nil
	}
	if c.means != nil && reads(q.Text) != words(c.means.Lines()) {
		return fault.New(fault.Declined, "the member means something else than they read")
	}
	if c.while != nil {
		c.while()
	}
	c.world.read[c.id] = append(c.world.read[c.id], q.Text)
	return nil
}

// reads is what a text says of an intent.
func reads(text string) string {
	_, text, _ = strings.Cut(text, "\n") // the decision
	var said []intent.Line
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "Impact ") || strings.HasPrefix(line, "Request ") {
			break
		}
		said = append(said, intent.Line{Label: line})
	}
	return words(said)
}

func words(lines []intent.Line) string {
	var all []string
	for _, l := range lines {
		all = append(all, strings.Join(strings.Fields(l.Label+" "+l.Value), " "))
	}
	return strings.Join(all, "\n")
}

// line is an open channel between a member's computer and the signer.
type line struct {
	*computer
	channel string // as the bridge calls it
	route   string // as the signer does
}

// opens opens a channel.
func (c *computer) opens() (*line, error) {
	l := &line{computer: c}
	ctx, g := c.world.t.Context(), c.world.gateway
	channel, record, err := c.desk.OpenChannel(ctx, entity, c.id)
	if err != nil {
		return nil, refuses(bridge, err)
	}
	l.channel = channel
	if record, err = g.begin(l, record); err != nil {
		return nil, err
	}
	if record, err = c.desk.AcceptChannel(l.channel, record); err != nil {
		return nil, refuses(bridge, err)
	}
	if record, err = g.relay(l, third, welcome, record); err != nil {
		return nil, err
	}
	if _, err = c.desk.ReadyChannel(l.channel, record); err != nil {
		return nil, refuses(bridge, err)
	}
	return l, nil
}

// decision is one decision on its way.
type decision struct {
	*line
	approval string // as the bridge calls it
}

// signs has the member read a request and sign a decision on it; submit is the record with
// the signature.
func (l *line) signs(request, verdict string) (d decision, submit []byte, err error) {
	id, record, err := l.desk.Prepare(l.channel, request, verdict)
	if err != nil {
		return d, nil, refuses(bridge, err)
	}
	d = decision{l, id}
	if record, err = l.world.gateway.relay(l, get, served, record); err != nil {
		return d, nil, err
	}
	s, err := l.desk.Decide(id, record)
	if err != nil {
		return d, nil, inside(err, fault.StatementInvalid, fault.RecordInvalid, fault.RecordReplayed, fault.Declined)
	}
	return d, s.Record, nil
}

// finishes reads the signer's receipt.
func (d decision) finishes(record []byte) error {
	if _, err := d.desk.Finish(d.approval, record); err != nil {
		return inside(err, fault.RecordInvalid, fault.RecordReplayed)
	}
	return nil
}

// decides decides on a request.
func (l *line) decides(request, verdict string) error {
	d, record, err := l.signs(request, verdict)
	if err == nil {
		record, err = l.world.gateway.relay(l, submit, receipted, record)
	}
	if err != nil {
		return err
	}
	return d.finishes(record)
}

// approve has members approve a request, each in a channel of their own.
func (w *world) approve(request string, members ...string) error {
	for _, id := range members {
		l, err := w.at(id).opens()
		if err == nil {
			err = l.decides(request, statement.Approve)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// party is who refuses.
type party string

const (
	atSigner party = "signer"
	bridge   party = "bridge"
	person   party = "member, at the bridge's prompt"
	auditor  party = "auditor"
	witness  party = "witness"
	verifier party = "verifier of a receipt"
)

// refusal is an error, and whose it is.
type refusal struct {
	by  party
	err error
}

func (r *refusal) Error() string { return string(r.by) + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuses(by party, err error) error {
	if err == nil {
		return nil
	}
	return &refusal{by, err}
}

// inside says whose an error of the desk is: its own, of one of these codes, or the
// signer's, who sent it through the channel.
func inside(err error, own ...fault.Code) error {
	switch code := fault.CodeOf(err); {
	case code == fault.Declined:
		return refuses(person, err)
	case slices.Contains(own, code):
		return refuses(bridge, err)
	}
	return refuses(atSigner, err)
}
