package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"countersign/bridge/internal/instance"
	"countersign/bridge/internal/peer"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Config says whose bridge it is.
type Config struct {
	StateDir string           // exists, and only its owner can enter it
	File     string           // the configuration file; empty: the configuration is in none
	Version  string           // of the program
	Now      func() time.Time // default: time.Now
	Log      *slog.Logger     // told when a second start asked; default: no log

	user func() int // whose bridge it is; tests pretend
}

// Server is the bridge's end of the socket, and its claim to be the bridge of its
// person. Its zero value is not useful.
type Server struct {
	cfg     Config
	lock    *instance.Lock
	socket  *endpoint // replaced by watch only
	served  sync.WaitGroup
	watched sync.WaitGroup
	lost    chan error // has one when the claim is another's
	silent  silent
	slots   chan struct{} // of requests that are answered
	waits   chan struct{} // of those that wait for the journal

	ready  chan struct{} // closed by Serve
	ctx    context.Context
	cancel context.CancelFunc // ends every answer

	once    sync.Once
	stopped error

	// Set before ready is closed.
	self     Bridge
	handlers Handlers
}

// Claim makes this process the bridge of its person. When another process is, the
// error is a [*Running] that says which, or it says why that one does not answer.
// Requests wait for [Server.Serve].
func Claim(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.user == nil {
		cfg.user = os.Getuid
	}
	lock, err := take(ctx, cfg.StateDir, func(held *instance.Held) error {
		first, err := ask(ctx, held, Who, "", WhoParams{Second: true})
		if err != nil {
			return err
		}
		return &Running{first}
	})
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, lock: lock, slots: make(chan struct{}, maxConnections), waits: make(chan struct{}, maxConnections), ready: make(chan struct{}), lost: make(chan error, 1),
		self: Bridge{PID: os.Getpid(), Listen: []string{}, Started: cfg.Now().UTC().Format(time.RFC3339), Version: cfg.Version}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.open(); err != nil {
		s.cancel()
		return nil, errors.Join(err, lock.Release())
	}
	s.watched.Go(s.watch)
	return s, nil
}

// open opens the socket, says where it is, and answers there.
func (s *Server) open() error {
	e, err := listen(s.cfg.StateDir)
	if err != nil {
		return err
	}
	if err := s.lock.Say(instance.Holder{PID: os.Getpid(), Socket: e.path, Protocol: Protocol}); err != nil {
		close(e.ended) // nothing accepts there
		return errors.Join(err, e.end())
	}
	s.socket = e
	s.served.Go(func() { s.accept(e) })
	return nil
}

// Lost has an error, an [*instance.Lost], when lock or socket are another program's: two
// may not work with the files, so that the bridge has to end.
func (s *Server) Lost() <-chan error { return s.lost }

// watch makes sure that commands find lock and socket, until the socket is closed. What
// was removed is made again.
func (s *Server) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		err := s.keep()
		if _, lost := errors.AsType[*instance.Lost](err); lost {
			s.lost <- err
			return
		}
		now := ""
		if err != nil {
			now = err.Error()
		}
		if now != told && err != nil {
			s.cfg.Log.Error("commands may not find this bridge", "error", err)
		}
		told = now
	}
}

func (s *Server) keep() error {
	if err := s.lock.Keep(); err != nil {
		return err
	}
	switch there, other, err := s.socket.there(); {
	case err != nil || there:
		return err
	case other:
		return &instance.Lost{What: "the socket " + s.socket.path + " is another program's now"}
	}
	s.cfg.Log.Warn("the socket for commands was removed, and is made again", "path", s.socket.path)
	before := s.socket
	if err := s.open(); err != nil {
		return err
	}
	return before.end()
}

// Serve answers requests with handlers from now on, and says where the bridge listens.
// It is called once.
func (s *Server) Serve(listen []string, handlers Handlers) {
	s.self.Listen, s.handlers = listen, Handlers{}
	for name, h := range handlers {
		s.handlers[name] = h
	}
	Handle(s.handlers, Who, s.who)
	close(s.ready)
}

func (s *Server) who(_ context.Context, p WhoParams) (Bridge, error) {
	if p.Second {
		s.cfg.Log.Info("a second start found this bridge running and left", "listening", s.self.Listen)
	}
	return s.self, nil
}

// Stop ends the socket: requests that are being answered are answered first, and what
// comes later waits for the end of the claim.
func (s *Server) Stop() error {
	s.once.Do(func() {
		s.cancel()
		s.watched.Wait()
		s.stopped = s.socket.end()
		s.served.Wait()
	})
	return s.stopped
}

// Close ends the claim.
func (s *Server) Close() error { return errors.Join(s.Stop(), s.lock.Release()) }

// accept answers on a socket until it ends, and whoever has come until then.
func (s *Server) accept(e *endpoint) {
	defer close(e.ended)
	for {
		c, err := e.Accept()
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err == nil:
			s.served.Go(func() { s.serve(c) })
			continue
		}
		select { // too many files are open: one may be closed in a moment
		case <-e.ending:
			return
		case <-time.After(retryEvery):
		}
	}
}

// serve answers one request.
func (s *Server) serve(c net.Conn) {
	defer c.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	if uid, ok := peer.UnixUser(c); ok && uid != s.cfg.user() {
		s.cfg.Log.Warn("another user asked this bridge", "uid", uid)
		return
	}
	r := &reply{c: c}
	line, err := s.read(c)
	switch _, wrong := fault.As(err); {
	case err != nil && s.ctx.Err() != nil:
		r.say(nil, errEnded)
		return
	case wrong:
		r.say(nil, err)
		return
	case err != nil: // who says nothing is told nothing
		return
	}
	go func() { r.watch(ctx); cancel() }() // a command that leaves waits for nothing
	r.say(s.answer(ctx, line))
}

// read reads the request. While it does not come, the connection is a silent one.
func (s *Server) read(c net.Conn) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, err
	}
	s.silent.add(c)
	stop := context.AfterFunc(s.ctx, func() { _ = c.SetReadDeadline(time.Now()) })
	line, err := readLine(c, MaxRequest)
	stop()
	switch there := s.silent.remove(c); {
	case err == nil:
		return line, c.SetReadDeadline(time.Time{})
	case !there && errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errCrowded
	}
	return nil, err
}

// errCrowded is the answer to a request for which there is no room.
var errCrowded = fault.New(fault.Busy, "too many commands ask this bridge at once: try again")

// errEnded is the answer to a request with which nothing was done: the command asks
// whoever has the lock next.
var errEnded = fault.New(fault.Busy, "the bridge is ending: try again")

// answer is the result of one request, once the bridge listens.
func (s *Server) answer(ctx context.Context, line []byte) (strictjson.Raw, error) {
	r, err := decodeRequest(line)
	if err != nil {
		return nil, err
	}
	slots := s.slots
	if r.Method == JournalEnd.Name {
		slots = s.waits
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	default:
		return nil, errCrowded
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil, errEnded
	}
	if s.ctx.Err() != nil {
		return nil, errEnded
	}
	if err := s.sameFile(r.Config); err != nil {
		return nil, err
	}
	result, err := s.handlers.call(ctx, r.Method, r.Params)
	if err != nil {
		s.cfg.Log.Info("a command was refused", "method", r.Method, "error", err)
	}
	return result, err
}

// sameFile fails with CONFLICT when a command means another configuration than the one
// that the bridge was started with: it would change that one's list of sites.
func (s *Server) sameFile(path string) error {
	if path == "" || s.cfg.File == "" || path == s.cfg.File {
		return nil
	}
	theirs, err := os.Stat(path)
	if err == nil {
		var ours os.FileInfo
		if ours, err = os.Stat(s.cfg.File); err == nil && os.SameFile(ours, theirs) {
			return nil
		}
	}
	return fault.Wrap(err, fault.Conflict, fmt.Sprintf("the running bridge was started with the configuration %s: name that one with --config", s.cfg.File))
}

func answerOf(result strictjson.Raw, err error) answer {
	if err != nil {
		body := fault.BodyOf(err, "something went wrong in the bridge; its log says what")
		return answer{V: Protocol, Error: &body}
	}
	return answer{V: Protocol, Result: result}
}
