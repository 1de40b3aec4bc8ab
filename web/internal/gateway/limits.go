package gateway

import (
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/web/internal/party"
)

// What parties may do in a minute, and keep; shared/spec/wire.md lists it.
const (
	// WrongKeys are of one client's address. A right key is never refused for
	// them: who has it is not a stranger.
	WrongKeys = 30
	// WrongCodes are codes of invitations that there are none of, of one client's address. A
	// right code is never refused for them.
	WrongCodes = 30
	// TokensMinted are of one developer or entity, by its own key.
	TokensMinted = 600
	// NoticesHeard are those that one provider signed.
	NoticesHeard = 1200
	// SandboxesMade are of one client's address.
	SandboxesMade = 30
	// SandboxesHeld are those of one client that are kept; its oldest makes room.
	SandboxesHeld = 20
	// QuotesAsked and ChannelsOpened are of one entity.
	QuotesAsked    = 120
	ChannelsOpened = 120
	// QuotesAtOnce are the questions of one entity that providers have not
	// answered yet.
	QuotesAtOnce = 8
	// StreamsAtOnce are the streams of events of one caller.
	StreamsAtOnce = 64
	// QuotesKept are the quotes of one entity of which no request was made, and
	// TicketsKept the hand-off tickets of one order; the oldest make room.
	QuotesKept  = 1000
	TicketsKept = 16
	// RepliesKept and ReplyBytesKept are the answers to questions with an
	// idempotency key, of one caller; the oldest make room.
	RepliesKept    = 2000
	ReplyBytesKept = 8 << 20
)

// limits are the budgets of parties.
type limits struct {
	wrongKeys, wrongCodes, tokens, notices, sandboxes, quotes, channels *party.Budget
	asking, streams                                                     atOnce
	rates                                                               map[string]rates // by tier
}

func newLimits(env string, now func() time.Time) limits {
	return limits{
		wrongKeys: party.NewBudget(WrongKeys, now), wrongCodes: party.NewBudget(WrongCodes, now), tokens: party.NewBudget(TokensMinted, now), notices: party.NewBudget(NoticesHeard, now),
		sandboxes: party.NewBudget(SandboxesMade, now), quotes: party.NewBudget(QuotesAsked, now),
		channels: party.NewBudget(ChannelsOpened, now), asking: atOnce{most: QuotesAtOnce}, streams: atOnce{most: StreamsAtOnce},
		rates: newRates(env, now),
	}
}

// atOnce counts what parties do at the same time.
type atOnce struct {
	most int
	mu   sync.Mutex
	of   map[string]int
}

// begin fails with RATE_LIMITED when a party has too many requests running.
func (a *atOnce) begin(party string) (end func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[party] >= a.most {
		return nil, fault.New(fault.Limited, "too many questions at the same time: wait for the answers").With("retry_after", "1")
	}
	if a.of == nil {
		a.of = map[string]int{}
	}
	a.of[party]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.of[party]--; a.of[party] == 0 {
			delete(a.of, party)
		}
	}, nil
}
