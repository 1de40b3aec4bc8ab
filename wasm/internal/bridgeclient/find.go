package bridgeclient

import (
	"context"
	"strconv"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// The time limits of a search. They are apart on purpose: a computer answers at
// once, a person reads the browser's question first.
const (
	LookTime = 2 * time.Second
	AskTime  = 3 * time.Minute

	// seen is how long a browser's question is at least on screen when a person
	// closes it. What failed sooner did not answer a question.
	seen = 500 * time.Millisecond
)

// Permission is whether the browser lets this page reach programs on the same
// computer (Local Network Access).
type Permission string

// The permissions, as wasm/js/host.js names them.
const (
	Granted     Permission = "granted"
	Prompt      Permission = "prompt"      // the browser will ask the person
	Refusal     Permission = "denied"      // the person said no
	Policy      Permission = "blocked"     // nobody was asked, and nobody will be
	Unreachable Permission = "unsupported" // by no page in this browser
	Unknown     Permission = "unknown"     // the browser does not tell; such browsers do not ask either
)

// What Health may say beside the protocol of a bridge.
const (
	Nothing   = ""          // no answer, or none that this page may know of
	Stranger  = "other"     // something that is not a bridge
	Forbidden = "forbidden" // the page's own content security policy is against it
)

// Local is what the browser knows about programs on the same computer.
type Local struct {
	// Addresses are where a bridge may listen, such as ws://127.0.0.1:18427, in
	// the order to try; see [Addresses].
	Addresses []string
	// Permission asks the browser, never the person.
	Permission func(ctx context.Context) Permission
	// Health asks what listens at an address; the browser may ask the person for
	// permission before it answers.
	Health func(ctx context.Context, address string) string
	Dial   func(ctx context.Context, address string) (Socket, error)
}

// Addresses lists where to look: where the bridge was the last time, then what
// the page's configuration names, then the ports that both sides know.
func Addresses(last string, configured []string) []string {
	list := make([]string, 0, 2+len(configured)+len(frame.Ports))
	add := func(address string) {
		address = strings.TrimSuffix(address, "/")
		for _, a := range list {
			if a == address {
				return
			}
		}
		list = append(list, address)
	}
	if last != "" {
		add(last)
	}
	for _, a := range configured {
		add(a)
	}
	for _, p := range frame.Ports {
		add("ws://127.0.0.1:" + strconv.Itoa(p))
	}
	return list
}

// Step is where a search is, for the page to say so.
type Step string

// The steps.
const (
	Asking   Step = "asking"   // the browser asks the person for permission
	Looking  Step = "looking"  // for the bridge, on this computer
	Relaying Step = "relaying" // by another route
)

// Search is how to find the bridge.
type Search struct {
	Local   Local
	Routes  []Route // tried in their order when loopback is impossible
	Gesture bool    // the person asked for it just now, so the browser may ask the person
	Link    Config  // of the connection; Dial is set by the search
	Step    func(Step)
	Now     func() time.Time
}

// Found is a bridge that was found.
type Found struct {
	*Client
	Route   string
	Address string // on loopback
}

// Find looks for the bridge and connects. What is not a bridge, or not the one whose
// key the page keeps, is passed over; when nothing is left, the most telling
// problem is the error. The browser asks the person at most once.
func Find(ctx context.Context, s *Search) (*Found, error) {
	found, err := s.local(ctx)
	if err == nil {
		return found, nil
	}
	if !err.Problem.kind().elsewhere {
		return nil, err
	}
	for _, r := range s.Routes {
		s.Step(Relaying)
		client, other := s.connect(ctx, r.Dial)
		if other == nil && r.Check != nil {
			if wrong := r.Check(client); wrong != nil {
				client.Close()
				return nil, wrong
			}
		}
		switch {
		case other == nil:
			return &Found{Client: client, Route: r.Name}, nil
		case other.Problem != NotRunning:
			return nil, other
		}
	}
	return nil, err
}

func (s *Search) connect(ctx context.Context, dial func(context.Context) (Socket, error)) (*Client, *Error) {
	cfg := s.Link
	cfg.Dial = dial
	client, err := Connect(ctx, cfg)
	if err == nil {
		return client, nil
	}
	if e, ok := err.(*Error); ok {
		return nil, e
	}
	return nil, &Error{Lost, asFault(err)}
}

// local looks on this computer.
func (s *Search) local(ctx context.Context) (*Found, *Error) {
	answers, worst := s.look(ctx)
	if worst != nil {
		return nil, worst
	}
	for i, address := range s.Local.Addresses {
		var client *Client
		err := s.judge(answers[i])
		if err == nil {
			client, err = s.connect(ctx, func(ctx context.Context) (Socket, error) { return s.Local.Dial(ctx, address) })
			if err == nil {
				return &Found{Client: client, Route: Loopback, Address: address}, nil
			}
			if err.Problem == NotRunning { // it answered a moment ago
				err = problem(NoLine, fault.Unavailable, "the bridge answers, and takes no connection")
			}
		}
		k := err.Problem.kind()
		if k.tells == 0 {
			return nil, err
		}
		if worst == nil || k.tells > worst.Problem.kind().tells {
			worst = err
		}
	}
	if worst == nil || worst.Problem == NotRunning {
		worst = s.nobody(ctx)
	}
	return nil, worst
}

// look asks what listens at each address.
func (s *Search) look(ctx context.Context) ([]string, *Error) {
	switch s.Local.Permission(ctx) {
	case Refusal:
		return nil, problem(Denied, fault.Unavailable, "the browser does not let this page reach this computer")
	case Policy:
		return nil, problem(Blocked, fault.Unavailable, "a policy keeps this page from this computer")
	case Prompt:
		if !s.Gesture {
			return nil, problem(NotAsked, fault.Unavailable, "the browser would ask first")
		}
		return s.ask(ctx)
	}
	return s.rest(ctx, make([]string, len(s.Local.Addresses)), 0)
}

// ask makes one request at a time until the browser has its answer, so that it
// asks once; then the rest together.
func (s *Search) ask(ctx context.Context) ([]string, *Error) {
	s.Step(Asking)
	answers := make([]string, len(s.Local.Addresses))
	for i, address := range s.Local.Addresses {
		asked := s.Now()
		one, cancel := context.WithTimeout(ctx, AskTime)
		answers[i] = s.Local.Health(one, address)
		cancel()
		if ctx.Err() != nil {
			return nil, stopped(ctx)
		}
		switch now := s.Local.Permission(ctx); {
		case now == Refusal || now == Policy:
			return nil, problem(Denied, fault.Unavailable, "the browser does not let this page reach this computer")
		case answers[i] != Nothing || now != Prompt:
			return s.rest(ctx, answers, i+1)
		case s.Now().Sub(asked) > seen:
			return nil, problem(Unanswered, fault.Unavailable, "the browser's question was not answered")
		}
	}
	return answers, nil
}

// rest asks from the i-th address on, all at the same time.
func (s *Search) rest(ctx context.Context, answers []string, i int) ([]string, *Error) {
	s.Step(Looking)
	short, cancel := context.WithTimeout(ctx, LookTime)
	defer cancel()
	done := make(chan struct{})
	for k := i; k < len(answers); k++ {
		go func() {
			answers[k] = s.Local.Health(short, s.Local.Addresses[k])
			done <- struct{}{}
		}()
	}
	for range len(answers) - i {
		<-done
	}
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	return answers, nil
}

// judge says what is wrong with an answer; nil is a bridge.
func (s *Search) judge(answer string) *Error {
	switch answer {
	case frame.SubProtocol:
		return nil
	case Nothing:
		return problem(NotRunning, fault.Unavailable, "no bridge answers on this computer")
	case Stranger:
		return problem(OtherProgram, fault.RecordInvalid, "the program on the bridge's port is not a bridge")
	case Forbidden:
		return problem(Misbuilt, fault.Unavailable, "the page's own policy forbids it to reach the bridge")
	}
	return problem(WrongVersion, fault.Version, "page and bridge speak different versions: update the older one")
}

// nobody is why nothing answered.
func (s *Search) nobody(ctx context.Context) *Error {
	switch s.Local.Permission(ctx) {
	case Unreachable:
		return problem(Unsupported, fault.Unavailable, "this browser cannot reach programs on this computer")
	case Prompt:
		return problem(Unanswered, fault.Unavailable, "the browser's question was not answered")
	}
	return s.judge(Nothing)
}

func problem(p Problem, code fault.Code, message string) *Error {
	return &Error{p, fault.New(code, message)}
}
