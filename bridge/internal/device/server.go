package device

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"countersign/bridge/internal/hsm"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// server does what the bridge asks with the tokens of one module: in the module's
// own process, or, for tests, in the bridge's.
type server struct {
	changed func(tokenInfo) // must not block

	mu      sync.Mutex
	tokens  *hsm.Tokens  // nil before opStart
	list    []*hsm.Token // by number
	next    uint32
	keys    map[uint32]*hsm.Key // by number
	numbers map[*hsm.Key]uint32
}

// do does one call.
func (s *server) do(ctx context.Context, kind byte, body []byte) ([]byte, error) {
	if kind == opStart {
		return nil, s.start(body)
	}
	s.mu.Lock()
	started := s.tokens != nil
	s.mu.Unlock()
	switch {
	case kind == opPulse && started && s.tokens.Stuck():
		return []byte{1}, nil
	case kind == opPulse:
		return []byte{0}, nil
	case !started:
		return nil, errGarbage
	}
	switch kind {
	case opSign:
		return s.sign(ctx, body)
	case opDerive:
		return s.derive(ctx, body)
	case opLogin:
		return nil, s.login(ctx, body)
	}
	result, err := s.ask(ctx, kind, body)
	if err != nil || result == nil {
		return nil, err
	}
	return encode(result)
}

// ask does the calls whose bodies are JSON.
func (s *server) ask(ctx context.Context, kind byte, body []byte) (any, error) {
	switch kind {
	case opLook:
		return nil, with(body, func(c lookCall) error { s.tokens.Look(c.Known); return nil })
	case opState:
		return withToken(s, body, func(t *hsm.Token) (any, error) { return t.State(), nil })
	case opLogout:
		return withToken(s, body, func(t *hsm.Token) (any, error) { return nil, t.Logout(ctx) })
	case opMechanisms:
		return withToken(s, body, func(t *hsm.Token) (any, error) { return t.Mechanisms(ctx) })
	case opCurves:
		return withToken(s, body, func(t *hsm.Token) (any, error) { return t.Curves(ctx) })
	case opKeys:
		return withToken(s, body, func(t *hsm.Token) (any, error) {
			all, err := t.Keys(ctx)
			list := keyList{Keys: make([]keyInfo, len(all.Keys)), Omitted: slices.Concat([]hsm.Omitted{}, all.Omitted), Doubts: slices.Concat([]hsm.Omitted{}, all.Doubts)}
			for i, k := range all.Keys {
				list.Keys[i] = s.number(k)
			}
			return list, err
		})
	case opFind:
		return s.find(ctx, body)
	case opMake:
		c, t, err := callOn(s, body, func(c makeCall) uint32 { return c.Token })
		if err != nil {
			return nil, err
		}
		return s.met(ctx)(t.Generate(ctx, c.Template))
	case opPairs:
		return s.pairs(ctx, body)
	case opDelete, opCertificates:
		return s.onKey(ctx, kind, body)
	case opData, opPutData:
		c, t, err := callOn(s, body, func(c dataCall) uint32 { return c.Token })
		if err != nil {
			return nil, err
		}
		if kind == opPutData {
			return nil, t.PutData(ctx, c.Label, c.Data)
		}
		return t.Data(ctx, c.Label)
	}
	return nil, errGarbage
}

func with[C any](body []byte, do func(C) error) error {
	c, err := decode[C](body)
	if err != nil {
		return err
	}
	return do(c)
}

func callOn[C any](s *server, body []byte, token func(C) uint32) (c C, t *hsm.Token, err error) {
	if c, err = decode[C](body); err == nil {
		t, err = s.token(token(c))
	}
	return c, t, err
}

func withToken(s *server, body []byte, do func(*hsm.Token) (any, error)) (any, error) {
	_, t, err := callOn(s, body, func(c tokenCall) uint32 { return c.Token })
	if err != nil {
		return nil, err
	}
	return do(t)
}

// start loads the module. Its tokens are told as changes.
func (s *server) start(body []byte) error {
	c, err := decode[startCall](body)
	if err != nil {
		return err
	}
	tokens, err := hsm.Open(hsm.Config{Path: c.Path, Reserved: c.Reserved, Poll: time.Duration(c.Poll), Timeout: time.Duration(c.Timeout)})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.tokens = tokens
	s.mu.Unlock()
	tokens.Watch(s.tell)
	return nil
}

func (s *server) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens == nil {
		return nil
	}
	return s.tokens.Close()
}

func (s *server) tell(c hsm.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := -1
	for i, t := range s.list {
		if t == c.Token {
			number = i
		}
	}
	if number < 0 {
		number = len(s.list)
		s.list = append(s.list, c.Token)
	}
	s.changed(tokenInfo{Number: uint32(number), Identity: c.Token.Identity(), Present: c.Present})
}

func (s *server) token(number uint32) (*hsm.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(number) >= int64(len(s.list)) {
		return nil, errGarbage
	}
	return s.list[number], nil
}

func (s *server) key(number uint32) (*hsm.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.keys[number]; k != nil {
		return k, nil
	}
	return nil, fault.New(fault.KeyMissing, "the key was deleted")
}

// number describes a key under its number: the same at each asking.
func (s *server) number(k *hsm.Key) keyInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, known := s.numbers[k]
	if !known {
		if s.numbers == nil {
			s.keys, s.numbers = map[uint32]*hsm.Key{}, map[*hsm.Key]uint32{}
		}
		number = s.next
		s.next++
		s.keys[number], s.numbers[k] = k, number
	}
	i := k.Info()
	return keyInfo{Number: number, Curve: k.PublicKey().Curve(), Point: k.PublicKey().Compressed(), Label: []byte(k.Name()), ID: i.ID,
		CanSign: i.CanSign, CanDerive: i.CanDerive, AlwaysAuth: i.AlwaysAuth, Unprotected: i.Unprotected, Proven: k.Proven()}
}

// drop forgets a key that was deleted.
func (s *server) drop(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.numbers, s.keys[number])
	delete(s.keys, number)
}

// met describes a key completely, when its token is unlocked.
func (s *server) met(ctx context.Context) func(*hsm.Key, error) (any, error) {
	return func(k *hsm.Key, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		if !k.Token().Locked() {
			_ = k.Meet(ctx) // what is wrong with a key shows at its use
		}
		return s.number(k), nil
	}
}

func (s *server) find(ctx context.Context, body []byte) (any, error) {
	c, t, err := callOn(s, body, func(c findCall) uint32 { return c.Token })
	if err != nil {
		return nil, err
	}
	u, err := hsm.ParseURI(c.URI)
	if err != nil {
		return nil, err
	}
	var want jws.PublicKey
	if c.Curve != "" {
		if want, err = jws.FromSEC1(c.Curve, c.Want); err != nil {
			return nil, err
		}
	}
	return s.met(ctx)(t.Find(ctx, u, want))
}

func (s *server) pairs(ctx context.Context, body []byte) (any, error) {
	c, t, err := callOn(s, body, func(c dataCall) uint32 { return c.Token })
	if err != nil {
		return nil, err
	}
	pairs, strangers, err := t.Pairs(ctx, c.Label)
	if err != nil {
		return nil, err
	}
	info := pairsInfo{Pairs: []pairInfo{}, Strangers: strangers}
	for _, p := range pairs {
		i := pairInfo{Known: p.Key != nil, Origin: p.Origin}
		if i.Known {
			_ = p.Key.Meet(ctx) // what is wrong with a key shows at its use
			i.Key = s.number(p.Key)
		}
		info.Pairs = append(info.Pairs, i)
	}
	return info, nil
}

func (s *server) onKey(ctx context.Context, kind byte, body []byte) (any, error) {
	c, err := decode[keyCall](body)
	if err != nil {
		return nil, err
	}
	k, err := s.key(c.Key)
	if err != nil {
		return nil, err
	}
	if kind == opDelete {
		if err := k.Token().Delete(ctx, k); err != nil {
			return nil, err
		}
		s.drop(c.Key)
		return nil, nil
	}
	return k.Token().Certificates(ctx, k)
}

func (s *server) login(ctx context.Context, body []byte) error {
	number, pin, err := parseLogin(body)
	if err != nil {
		return err
	}
	t, err := s.token(number)
	if err != nil {
		return err
	}
	return t.Login(ctx, *pin)
}

func (s *server) sign(ctx context.Context, body []byte) ([]byte, error) {
	number, pin, digest, err := parseSign(body)
	if err != nil {
		return nil, err
	}
	k, err := s.key(number)
	if err != nil {
		return nil, err
	}
	return k.Sign(ctx, digest, pin)
}

func (s *server) derive(ctx context.Context, body []byte) ([]byte, error) {
	number, point, err := parseDerive(body)
	if err != nil {
		return nil, err
	}
	k, err := s.key(number)
	if err != nil {
		return nil, err
	}
	return k.ECDH(ctx, point)
}

// garbage reports that a call or an answer was not in the grammar.
func garbage(err error) bool { return errors.Is(err, errGarbage) }
