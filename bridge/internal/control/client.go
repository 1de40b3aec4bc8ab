package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"countersign/bridge/internal/instance"
	"countersign/bridge/internal/peer"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

const (
	retryEvery = 20 * time.Millisecond
	// takeTimeout is how long the lock may be another command's.
	takeTimeout = 10 * time.Second
	// reachTimeout is how long a bridge may take that begins or ends.
	reachTimeout = 5 * time.Second
	// patienceTime is how long a command waits for all that it meets.
	patienceTime = 30 * time.Second
)

// Client is how a command speaks to the bridge of a state directory, or does without.
type Client struct {
	StateDir string
	File     string // the configuration file that the command was given, absolute
	// Trust fails where another user's files would be believed, and is asked before a state
	// directory is made; it may be nil.
	Trust func() error
	// Files makes what works on the files while no bridge runs. close is called when
	// it is done.
	Files func() (h Handlers, close func() error, err error)
}

// Call asks the running bridge, or does it with the lock when none runs.
func Call[P, R any](ctx context.Context, c *Client, m Method[P, R], params P) (result R, err error) {
	if m.Changes {
		if err := instance.Make(c.StateDir, c.Trust); err != nil {
			return result, err
		}
	}
	lock, err := take(ctx, c.StateDir, func(held *instance.Held) error {
		if held.Who != nil && held.Who.Socket == "" {
			return held // a command, which will be done in a moment
		}
		if result, err = ask(ctx, held, m, c.File, params); err != nil {
			return err
		}
		return errAnswered
	})
	_, running := errors.AsType[*unreached](err)
	switch {
	case errors.Is(err, errAnswered):
		return result, nil
	case errors.Is(err, fs.ErrNotExist) && !m.Changes && !running: // where nothing is, nobody works
	case err != nil:
		return result, err
	default:
		defer func() { err = errors.Join(err, lock.Release()) }()
		if err := lock.Say(instance.Holder{PID: os.Getpid()}); err != nil {
			return result, err
		}
	}
	h, done, err := c.Files()
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, done()) }()
	raw, err := strictjson.Canonical(params)
	if err == nil {
		raw, err = h.call(ctx, m.Name, raw)
	}
	if err != nil {
		return result, err
	}
	return result, strictjson.Unmarshal(raw, &result, MaxAnswer)
}

// errAnswered ends the wait for a lock.
var errAnswered = errors.New("the running bridge answered")

// Ask asks the running bridge; running is false when none runs. It changes nothing
// that the bridge does not change.
func Ask[P, R any](ctx context.Context, c *Client, m Method[P, R], params P) (result R, running bool, err error) {
	err = patiently(ctx, func() error {
		held, err := instance.Look(c.StateDir)
		running = held != nil && (held.Who == nil || held.Who.Socket != "")
		if err != nil || !running {
			return err
		}
		result, err = ask(ctx, held, m, c.File, params)
		return err
	})
	return result, running, err
}

// take takes the lock, or returns what other does while another process has it.
func take(ctx context.Context, stateDir string, other func(*instance.Held) error) (lock *instance.Lock, err error) {
	err = patiently(ctx, func() error {
		var err error
		lock, err = instance.Take(stateDir)
		if held, ok := errors.AsType[*instance.Held](err); ok {
			return other(held)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	sweep(stateDir, lock.Left)
	return lock, nil
}

// patiently tries again while a command has the lock, or a bridge that is busy or cannot
// be reached: whoever has it may have begun or ended just now. Its patience with one of
// these begins when it meets it, not when it met another, and ends in all after
// patienceTime.
func patiently(ctx context.Context, try func() error) error {
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	began := time.Now()
	last, since := time.Duration(-1), began
	for {
		err := try()
		patience := time.Duration(-1)
		if _, command := errors.AsType[*instance.Held](err); command {
			patience = takeTimeout
		} else if _, bridge := errors.AsType[*unreached](err); bridge || fault.CodeOf(err) == fault.Busy {
			patience = reachTimeout
		}
		if patience != last {
			last, since = patience, time.Now()
		}
		if patience < 0 || time.Since(since) > patience || time.Since(began) > patienceTime {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return err
		}
	}
}

// unreached is why a bridge could not be asked.
type unreached struct {
	held  *instance.Held
	cause error
}

// Error says which process it is.
func (u *unreached) Error() string {
	if u.held.Who == nil {
		return u.held.Error() + ", and does not say where it can be asked"
	}
	return fmt.Sprintf("the bridge of process %d does not answer; end it and start again: %v", u.held.Who.PID, u.cause)
}

// Unwrap returns the cause.
func (u *unreached) Unwrap() error { return u.cause }

var errLongest = fmt.Errorf("it has worked on it for %s", longestAnswer)

// unknown says that what was asked may have been done.
func unknown(changes bool) string {
	if changes {
		return "whether it was done is not known; "
	}
	return ""
}

// living reads from a bridge, which sends something as long as it lives.
type living struct{ c net.Conn }

func (l *living) Read(p []byte) (int, error) {
	if err := l.c.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	return l.c.Read(p)
}

// ask asks whoever has the lock.
func ask[P, R any](ctx context.Context, held *instance.Held, m Method[P, R], config string, params P) (result R, err error) {
	switch who := held.Who; {
	case who == nil:
		return result, &unreached{held: held}
	case who.Socket == "":
		return result, held
	case who.Protocol != Protocol:
		return result, fault.New(fault.Version, fmt.Sprintf("the running bridge (process %d) is of another version than this command: it speaks version %d of the control socket, and this command %d. End it and start it again",
			who.PID, who.Protocol, Protocol))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longestAnswer, errLongest)
	defer cancel()
	raw, err := strictjson.Canonical(params)
	if err != nil {
		return result, err
	}
	line, err := encodeLine(request{V: Protocol, Method: m.Name, Config: config, Params: raw}, MaxRequest)
	if err != nil {
		return result, err
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", held.Who.Socket)
	if err != nil {
		return result, &unreached{held, err}
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if uid, ok := peer.UnixUser(c); ok && uid != os.Getuid() {
		return result, fault.New(fault.Forbidden, fmt.Sprintf("process %d belongs to another user (%d)", held.Who.PID, uid))
	}
	if err := c.SetWriteDeadline(time.Now().Add(answerTimeout)); err != nil {
		return result, &unreached{held, err}
	}
	if _, err = c.Write(line); err != nil { // it ended, or does not read
		return result, &unreached{held, err}
	}
	line, err = readLine(&living{c}, MaxAnswer)
	_, nonsense := fault.As(err)
	switch {
	case nonsense:
		return result, fmt.Errorf("process %d answers something else: %w", held.Who.PID, err)
	case errors.Is(err, os.ErrDeadlineExceeded) || err != nil && ctx.Err() != nil:
		return result, fmt.Errorf("the bridge of process %d does not answer; %send it and start again: %w", held.Who.PID, unknown(m.Changes), cmp.Or(context.Cause(ctx), err))
	case err != nil && m.Changes: // it was killed
		return result, fmt.Errorf("the bridge of process %d ended without an answer: %slook, and do it again if it was not: %w", held.Who.PID, unknown(true), err)
	case err != nil:
		return result, &unreached{held, err}
	}
	raw, err = decodeAnswer(line)
	if err != nil {
		return result, err
	}
	if err := strictjson.Unmarshal(raw, &result, MaxAnswer); err != nil {
		return result, fmt.Errorf("process %d answers something else: %w", held.Who.PID, err)
	}
	return result, nil
}
