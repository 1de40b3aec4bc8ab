package control

import (
	"context"
	"time"

	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Method is one thing that a command may ask: its parameters P and its result R, both
// objects.
type Method[P, R any] struct {
	Name    string
	Changes bool // it changes files: a command makes the state directory for it
}

// The whole table.
var (
	Who            = Method[WhoParams, Bridge]{Name: "who"}
	Seen           = Method[None, SeenResult]{Name: "seen"}
	ListPairings   = Method[None, PairingsResult]{Name: "pairings.list"}
	RevokePairings = Method[WhichParams, RevokeResult]{Name: "pairings.revoke", Changes: true}
	ListOrigins    = Method[None, OriginsResult]{Name: "origins.list"}
	AddOrigin      = Method[OriginParams, AddResult]{Name: "origins.add", Changes: true}
	RemoveOrigin   = Method[OriginParams, RemoveResult]{Name: "origins.remove", Changes: true}
	UnblockOrigins = Method[WhichParams, UnblockResult]{Name: "origins.unblock", Changes: true}
	JournalEnd     = Method[EndParams, EndResult]{Name: "journal.end"}
	WriteToJournal = Method[JournalParams, journal.Head]{Name: "journal.append", Changes: true}
)

// None is an object without fields.
type None struct{}

// WhoParams asks which bridge it is.
type WhoParams struct {
	Second bool `json:"second_start"` // a second start asks, and leaves
}

// SeenResult is what a running bridge sees of its prompt, modules, tokens and keys: it
// may see others than a program that is started elsewhere.
type SeenResult struct {
	Notes []Note `json:"notes"`
}

// Prompt is the ID of the note that says where the bridge asks.
const Prompt = "prompt"

// Note is one thing that a running bridge sees.
type Note struct {
	ID      string     `json:"id"`      // "module:/usr/lib/…", "token:alice", "key:mem_alice:approval"
	Code    fault.Code `json:"code"`    // of the error; empty: nothing is wrong
	Message string     `json:"message"` // what it is, or what is wrong
	Remark  bool       `json:"remark"`  // it is worth a warning, and stops nothing
}

// PairingsResult are the pages that are paired, the oldest first. Connected are the ids
// of those that are connected now.
type PairingsResult struct {
	Pairings  []site.Pairing `json:"pairings"`
	Connected []string       `json:"connected"`
}

// WhichParams names pairings or blocked sites: an id, an origin, or "all".
type WhichParams struct {
	Which string `json:"which"`
}

// RevokeResult are the pairings that are gone. Unnoted says why no line of the journal
// says so: a right is taken back all the same.
type RevokeResult struct {
	Gone    []site.Pairing `json:"gone"`
	Unnoted *fault.Body    `json:"unnoted,omitempty"`
}

// OriginsResult are the dashboards: those that may connect now, those of the
// configuration that are left out, those that the person blocked, and all pairings.
type OriginsResult struct {
	Origins  []string       `json:"origins"`
	LeftOut  []LeftOut      `json:"left_out"`
	Blocked  []site.Block   `json:"blocked"`
	Pairings []site.Pairing `json:"pairings"`
	Running  bool           `json:"running"` // a running bridge says so
}

// LeftOut is an origin of the configuration that no browser writes so.
type LeftOut struct {
	Origin string `json:"origin"`
	Why    string `json:"why"`
}

// OriginParams names a dashboard.
type OriginParams struct {
	Origin string `json:"origin"`
}

// AddResult says whether the origin was added; it is on the list in any case. Running
// says whether a bridge lets it connect now.
type AddResult struct {
	Added   bool `json:"added"`
	Running bool `json:"running"`
}

// RemoveResult says what is left of a site: its pairings, and how many origins there
// are. Ended is how many of its pages were disconnected.
type RemoveResult struct {
	Pairings []site.Pairing `json:"pairings"`
	Left     int            `json:"left"`
	Ended    int            `json:"ended"`
	Unnoted  *fault.Body    `json:"unnoted,omitempty"`
}

// UnblockResult are the blocks that are gone.
type UnblockResult struct {
	Gone []site.Block `json:"gone"`
}

// EndParams asks where the journal ends: as soon as it is longer than After bytes, or
// after [FollowTime]. -1 is at once.
type EndParams struct {
	After int64 `json:"after"`
}

// FollowTime is how long a bridge waits for the next line of its journal.
const FollowTime = 5 * time.Second

// EndResult is where the journal ends, so that whole lines are read. Running says that a
// bridge writes it; else Head is empty.
type EndResult struct {
	journal.End
	Running bool `json:"running"`
}

// JournalParams are lines that a command writes: see [CommandEvents]. Without any, the
// journal is opened, which fails when it cannot be written.
type JournalParams struct {
	Events []journal.Event `json:"events"`
}

// CommandEvents are the events that commands write themselves: what they do with keys.
var CommandEvents = []string{journal.Unlocked, journal.PINFailed, journal.KeyMade, journal.KeyDeleted, journal.HeadSigned, journal.GenesisSigned, journal.Registered, journal.Failed}

// Handlers answer requests, by method.
type Handlers map[string]func(ctx context.Context, params strictjson.Raw) (any, error)

// Handle makes do the handler of a method.
func Handle[P, R any](h Handlers, m Method[P, R], do func(context.Context, P) (R, error)) {
	h[m.Name] = func(ctx context.Context, raw strictjson.Raw) (any, error) {
		var params P
		if err := strictjson.Unmarshal(raw, &params, MaxRequest); err != nil {
			return nil, err
		}
		return do(ctx, params)
	}
}

// call runs the handler of a method, for which there may be none.
func (h Handlers) call(ctx context.Context, method string, params strictjson.Raw) (strictjson.Raw, error) {
	do, ok := h[method]
	if !ok {
		return nil, fault.New(fault.Method, "this bridge has no such method; it may be of another version: start it again")
	}
	result, err := do(ctx, params)
	if err != nil {
		return nil, err
	}
	return strictjson.Canonical(result)
}
