package bridgeclient

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link/linkkey"
)

// computer is what a page can reach: programs by address, behind a browser that
// may ask a person.
type computer struct {
	t        *testing.T
	programs map[string]program
	reply    Permission    // what the person answers; Prompt closes the question
	thinks   time.Duration // how long the person takes

	mu         sync.Mutex
	permission Permission
	now        time.Time
	questions  int
	asked      []string // addresses, in the order of their first look
	dialled    []string
}

// program listens at one address.
type program struct {
	health string
	key    *linkkey.Key // of a bridge
	script func(*bridge) error
}

func (c *computer) Permission(context.Context) Permission {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.permission
}

func (c *computer) Health(ctx context.Context, address string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, address)
	switch c.permission {
	case Prompt:
		c.questions++
		c.permission = c.reply
		c.now = c.now.Add(c.thinks)
		if c.reply != Granted {
			return Nothing
		}
	case Unreachable:
		return Nothing
	}
	if ctx.Err() != nil {
		return Nothing
	}
	return c.programs[address].health
}

func (c *computer) Dial(_ context.Context, address string) (Socket, error) {
	c.mu.Lock()
	c.dialled = append(c.dialled, address)
	p, ok := c.programs[address]
	c.mu.Unlock()
	if !ok || p.script == nil {
		return nil, errors.New("refused")
	}
	pageEnd, bridgeEnd := newWire()
	b := &bridge{t: c.t, key: p.key, wire: bridgeEnd}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.script(b); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
			c.t.Errorf("bridge at %s: %v", address, err)
		}
	}()
	c.t.Cleanup(func() {
		_ = pageEnd.Close()
		<-done
	})
	return pageEnd, nil
}

func (c *computer) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// finds looks for a bridge at one, two, three and four.
func (c *computer) finds(remote []byte, gesture bool, routes ...Route) (*Found, []Step, error) {
	var steps []Step
	found, err := Find(c.t.Context(), &Search{
		Local:  Local{Addresses: []string{"one", "two", "three", "four"}, Permission: c.Permission, Health: c.Health, Dial: c.Dial},
		Routes: routes, Gesture: gesture, Now: c.Now, Step: func(s Step) { steps = append(steps, s) },
		Link: Config{DH: newKey(c.t), Origin: origin, Remote: remote, Rand: rand.Reader},
	})
	if err == nil {
		c.t.Cleanup(found.Close)
	}
	return found, steps, err
}

func bridgeWith(key *linkkey.Key) program {
	return program{health: frame.SubProtocol, key: key, script: ready(idle)}
}

// Row 2 of the symptoms that users of other bridges report: "cannot connect" had
// no name. Each cause has one here, and a code.
func TestEveryReasonForNotReachingTheBridgeHasItsOwnName(t *testing.T) {
	t.Parallel()
	mine, other := newKey(t), newKey(t)
	page := program{health: Stranger}
	later := program{health: "countersign.v2"}
	refuses := func(code fault.Code) program {
		return program{health: frame.SubProtocol, key: mine, script: func(b *bridge) error { b.wire.closeWith(frame.CloseCode, string(code)); return nil }}
	}
	type programs map[string]program
	for name, tc := range map[string]struct {
		permission Permission
		reply      Permission
		thinks     time.Duration
		quiet      bool // no gesture
		programs   programs
		problem    Problem
		code       fault.Code
		questions  int
		asked      int
	}{
		"nobody listens":                       {Granted, "", 0, false, nil, NotRunning, fault.Unavailable, 0, 4},
		"nobody listens, an older browser":     {Unknown, "", 0, false, nil, NotRunning, fault.Unavailable, 0, 4},
		"not asked yet, and nobody acted":      {Prompt, Granted, 0, true, programs{"one": bridgeWith(mine)}, NotAsked, fault.Unavailable, 0, 0},
		"the person says no":                   {Prompt, Refusal, time.Second, false, programs{"one": bridgeWith(mine)}, Denied, fault.Unavailable, 1, 1},
		"the person said no before":            {Refusal, "", 0, false, programs{"one": bridgeWith(mine)}, Denied, fault.Unavailable, 0, 0},
		"the person closes the question":       {Prompt, Prompt, time.Second, false, programs{"two": bridgeWith(mine)}, Unanswered, fault.Unavailable, 1, 1},
		"a policy says no":                     {Policy, "", 0, false, programs{"one": bridgeWith(mine)}, Blocked, fault.Unavailable, 0, 0},
		"no page of this browser may":          {Unreachable, "", 0, false, programs{"one": bridgeWith(mine)}, Unsupported, fault.Unavailable, 0, 4},
		"the page forbids it to itself":        {Granted, "", 0, false, programs{"one": {health: Forbidden}, "two": {health: Forbidden}}, Misbuilt, fault.Unavailable, 0, 4},
		"another program":                      {Granted, "", 0, false, programs{"two": page}, OtherProgram, fault.RecordInvalid, 0, 4},
		"another program that poses as one":    {Granted, "", 0, false, programs{"two": {health: frame.SubProtocol, script: func(b *bridge) error { return b.wire.Send([]byte("hello")) }}}, OtherProgram, fault.RecordInvalid, 0, 4},
		"another version":                      {Granted, "", 0, false, programs{"one": page, "two": later}, WrongVersion, fault.Version, 0, 4},
		"another person's bridge":              {Granted, "", 0, false, programs{"one": page, "two": bridgeWith(other), "three": later}, KeyChanged, fault.BridgeKeyChanged, 0, 4},
		"this page is not in the list":         {Granted, "", 0, false, programs{"one": refuses(fault.OriginRefused)}, NotAdmitted, fault.OriginRefused, 0, 4},
		"the person blocked this site":         {Granted, "", 0, false, programs{"one": refuses(fault.SiteBlocked), "two": bridgeWith(mine)}, Refused, fault.SiteBlocked, 0, 4},
		"too many connections":                 {Granted, "", 0, false, programs{"one": {health: frame.SubProtocol}}, NoLine, fault.Unavailable, 0, 4},
		"asked, and then nobody listens":       {Prompt, Granted, time.Second, false, nil, NotRunning, fault.Unavailable, 1, 4},
		"a browser that asks only who listens": {Prompt, Prompt, 0, false, nil, Unanswered, fault.Unavailable, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &computer{t: t, permission: tc.permission, reply: tc.reply, thinks: tc.thinks, programs: tc.programs}
			_, _, err := c.finds(mine.Static(), !tc.quiet)
			if ProblemOf(err) != tc.problem || fault.CodeOf(err) != tc.code {
				t.Errorf("problem %q, code %q, want %q, %q: %v", ProblemOf(err), fault.CodeOf(err), tc.problem, tc.code, err)
			}
			if c.questions != tc.questions || len(c.asked) != tc.asked {
				t.Errorf("%d questions, %d looks at %v; want %d and %d", c.questions, len(c.asked), c.asked, tc.questions, tc.asked)
			}
		})
	}
}

// Rows 9 and 10: two people on one computer, and a port that is taken.
func TestTheBridgeIsFoundBehindAnotherProgramAndAnotherPersonsBridge(t *testing.T) {
	t.Parallel()
	mine, other := newKey(t), newKey(t)
	told := make(chan int, 1)
	theirs := program{health: frame.SubProtocol, key: other, script: func(b *bridge) error {
		err := b.shake() // message 3 never comes
		told <- len(b.frames)
		if err == nil {
			t.Error("the page revealed itself to another person's bridge")
		}
		return nil
	}}
	c := &computer{t: t, permission: Granted, programs: map[string]program{"one": {health: Stranger}, "two": theirs, "three": bridgeWith(mine)}}
	found, steps, err := c.finds(mine.Static(), false)
	if err != nil {
		t.Fatal(err)
	}
	if found.Address != "three" || found.Route != Loopback || found.State().State != frame.Ready {
		t.Errorf("found %s by %s, %+v", found.Address, found.Route, found.State())
	}
	if d := cmp.Diff([]Step{Looking}, steps); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"two", "three"}, c.dialled); d != "" {
		t.Errorf("dialled (-want +got):\n%s", d)
	}
	<-told
}

func TestTheBrowserAsksOnceForAllPorts(t *testing.T) {
	t.Parallel()
	mine := newKey(t)
	c := &computer{t: t, permission: Prompt, reply: Granted, thinks: time.Minute, programs: map[string]program{"four": bridgeWith(mine)}}
	found, steps, err := c.finds(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(c.asked)
	if found.Address != "four" || c.questions != 1 || len(slices.Compact(c.asked)) != 4 {
		t.Errorf("found %s after %d questions, looked at %v", found.Address, c.questions, c.asked)
	}
	if d := cmp.Diff([]Step{Asking, Looking}, steps); d != "" {
		t.Error(d)
	}
}

func TestAnotherRouteIsTakenOnlyWhenLoopbackIsImpossible(t *testing.T) {
	t.Parallel()
	mine, other := newKey(t), newKey(t)
	gateway := &computer{t: t, programs: map[string]program{"there": bridgeWith(mine)}}
	relay := Route{Name: Relay, Dial: func(ctx context.Context) (Socket, error) { return gateway.Dial(ctx, "there") }}
	broken := Route{Name: "broken", Dial: func(context.Context) (Socket, error) { return nil, errors.New("down") }}
	for name, tc := range map[string]struct {
		permission Permission
		programs   map[string]program
		routes     []Route
		route      string
		problem    Problem
	}{
		"Safari":                      {Unreachable, nil, []Route{relay}, Relay, ""},
		"a policy":                    {Policy, nil, []Route{relay}, Relay, ""},
		"the person said no":          {Refusal, nil, []Route{broken, relay}, Relay, ""},
		"a remote desktop":            {Granted, nil, []Route{relay}, Relay, ""},
		"it runs here":                {Granted, map[string]program{"one": bridgeWith(mine)}, []Route{relay}, Loopback, ""},
		"another person's runs here":  {Granted, map[string]program{"one": bridgeWith(other)}, []Route{relay}, Relay, ""}, // on a terminal server
		"only another's runs here":    {Granted, map[string]program{"one": bridgeWith(other)}, []Route{broken}, "", KeyChanged},
		"not asked yet":               {Prompt, nil, []Route{relay}, "", NotAsked},
		"the other route is down too": {Policy, nil, []Route{broken}, "", Blocked},
		"there is no other route":     {Policy, nil, nil, "", Blocked},
		"another bridge at its end":   {Policy, nil, []Route{{Name: Relay, Dial: relay.Dial, Check: func(*Client) error { return &Error{KeyChanged, fault.New(fault.BridgeKeyChanged, "not the one")} }}}, "", KeyChanged},
		"what has no bridge on it":    {Refusal, nil, []Route{{Name: Relay, Dial: func(context.Context) (Socket, error) { p, b := newWire(); _ = b.Send([]byte("hi")); return p, nil }}}, "", OtherProgram},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &computer{t: t, permission: tc.permission, programs: tc.programs}
			found, steps, err := c.finds(mine.Static(), false, tc.routes...)
			if ProblemOf(err) != tc.problem {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if found.Route != tc.route || tc.route == Relay != slices.Contains(steps, Relaying) {
				t.Errorf("by %s, with %v", found.Route, steps)
			}
		})
	}
}

func TestASearchIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &Search{
		Local: Local{Addresses: []string{"one"}, Permission: func(context.Context) Permission { return Prompt }, Health: func(ctx context.Context, _ string) string {
			cancel() // the person presses Cancel while the browser asks
			<-ctx.Done()
			return Nothing
		}},
		Gesture: true, Now: time.Now, Step: func(Step) {}, Link: Config{DH: newKey(t), Origin: origin, Rand: rand.Reader},
	}
	if _, err := Find(ctx, s); ProblemOf(err) != Stopped || fault.CodeOf(err) != fault.Cancelled {
		t.Error(err)
	}
}

func TestWhereABridgeIsLookedForAndInWhichOrder(t *testing.T) {
	t.Parallel()
	const own = "ws://127.0.0.1:9000"
	ports := []string{"ws://127.0.0.1:18427", "ws://127.0.0.1:18437", "ws://127.0.0.1:18447", "ws://127.0.0.1:18457"}
	for name, tc := range map[string]struct {
		last       string
		configured []string
		want       []string
	}{
		"the usual ports":              {"", nil, ports},
		"a configured one first":       {"", []string{own + "/"}, append([]string{own}, ports...)},
		"one that is usual anyway":     {"", ports[1:2], []string{ports[1], ports[0], ports[2], ports[3]}},
		"where it was before the rest": {ports[3], []string{own}, []string{ports[3], own, ports[0], ports[1], ports[2]}},
		"where it was, as configured":  {own, []string{own}, append([]string{own}, ports...)},
	} {
		if d := cmp.Diff(tc.want, Addresses(tc.last, tc.configured)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
