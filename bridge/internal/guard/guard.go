// Package guard decides who may connect to the bridge, before a byte of what
// they say is parsed: loopback listeners, exact lists of Host and Origin, path
// and sub-protocol, and limits on connections, message size and time. The Host
// list stops DNS rebinding, the Origin list every web site but the dashboards
// that the person's configuration names. What passes is a WebSocket, and is not
// trusted yet: bridge/internal/page authenticates it (shared/link). Spec:
// shared/spec/link.md.
package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/weborigin"
)

const (
	// Path is where the WebSocket is.
	Path = "/v1/ws"
	// Protocol is the WebSocket sub-protocol, and the version of everything in it.
	Protocol = "countersign.v1"
	// HealthPath tells an allowed page that a bridge runs here.
	HealthPath = "/health"

	// MaxConnections is how many WebSockets may be open at once.
	MaxConnections = 16
	// MaxWaiting is how many sockets may be open that are not a WebSocket yet. One
	// more closes the oldest, so that silent ones keep no other out.
	MaxWaiting = 32
	// MaxMessage is the largest WebSocket message, in bytes.
	MaxMessage = 64 << 10
	// HandshakeTimeout is how long a client may take to send its HTTP request,
	// and then again to complete the link handshake.
	HandshakeTimeout = 10 * time.Second
	// MaxHead is the largest HTTP request head, in bytes.
	MaxHead = 8 << 10
	// headSlop is what net/http reads beyond MaxHeaderBytes.
	headSlop = 4 << 10
)

// Config says who may connect.
type Config struct {
	Listeners []net.Listener // from [Listen]
	Origins   []string       // exact origins, see [weborigin.Check]; at least one
	// Handle serves one connection and returns when it is over. Its context ends
	// when the guard stops, or the connection makes room for another of its origin;
	// [Settle] prevents the latter. The guard closes the WebSocket.
	Handle func(ctx context.Context, ws *websocket.Conn, origin string)
	Log    *slog.Logger // refusals are logged at level warn, each reason once a minute, without what the stranger sent
}

// Guard serves the listeners of one bridge.
type Guard struct {
	cfg      Config
	hosts    []string
	upgrader websocket.Upgrader
	slots    slots
	waiting  waiting
	refusals refusals
	open     sync.WaitGroup
}

// New checks the configuration and returns a guard that does not serve yet.
func New(cfg Config) (*Guard, error) {
	if len(cfg.Origins) == 0 {
		return nil, errors.New("no origin is configured: list the dashboards that may connect")
	}
	if err := checkOrigins(cfg.Origins); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guard{cfg: cfg}
	g.slots.allow(cfg.Origins)
	for _, l := range cfg.Listeners {
		hosts, err := hostsOf(l.Addr())
		if err != nil {
			return nil, err
		}
		g.hosts = append(g.hosts, hosts...)
	}
	g.upgrader = websocket.Upgrader{
		HandshakeTimeout: HandshakeTimeout,
		Subprotocols:     []string{Protocol},
		ReadBufferSize:   16 << 10,
		WriteBufferSize:  16 << 10,
		CheckOrigin:      func(r *http.Request) bool { return g.originAllowed(r) },
		Error: func(w http.ResponseWriter, _ *http.Request, _ int, _ error) {
			g.refuse(w, http.StatusBadRequest, fault.Invalid, "this address is for WebSockets")
		},
	}
	return g, nil
}

func checkOrigins(list []string) error {
	for _, o := range list {
		if err := weborigin.Check(o); err != nil {
			return err
		}
	}
	return nil
}

// Allow replaces the list of origins, which may be empty then. WebSockets that
// are open stay open: the caller closes those that it does not want any more.
func (g *Guard) Allow(origins []string) error {
	if err := checkOrigins(origins); err != nil {
		return err
	}
	g.slots.allow(origins)
	return nil
}

// Serve serves all listeners until ctx ends, then closes them, waits until
// every connection's Handle has returned, and returns nil.
func (g *Guard) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv := &http.Server{
		Handler:           g,
		ReadHeaderTimeout: HandshakeTimeout,
		ReadTimeout:       HandshakeTimeout,
		WriteTimeout:      HandshakeTimeout,
		IdleTimeout:       HandshakeTimeout,
		MaxHeaderBytes:    MaxHead - headSlop,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         g.waiting.change,
		ErrorLog:          slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
	}
	srv.SetKeepAlivesEnabled(false) // a socket is for one request
	ended := make(chan error, len(g.cfg.Listeners))
	for _, l := range g.cfg.Listeners {
		go func() { ended <- srv.Serve(l) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	cancel()
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), HandshakeTimeout)
	defer done()
	if serr := srv.Shutdown(stop); serr != nil {
		srv.Close()
	}
	g.open.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// ServeHTTP admits or refuses one request. The order is: loopback peer, Host,
// Origin, path, then what the path asks for.
func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Vary", "Origin")
	switch {
	case !loopbackPeer(r.RemoteAddr):
		g.refuse(w, http.StatusForbidden, fault.OriginRefused, "only programs on this computer may connect")
	case !slices.Contains(g.hosts, r.Host):
		g.refuse(w, http.StatusForbidden, fault.OriginRefused, "this Host is not the bridge")
	case r.URL.Path == HealthPath:
		g.health(w, r)
	case !g.originAllowed(r):
		g.refuse(w, http.StatusForbidden, fault.OriginRefused, "this site is not in the bridge's list of origins")
	case r.URL.Path != Path || r.URL.RawQuery != "":
		g.refuse(w, http.StatusNotFound, fault.NotFound, "there is nothing here")
	default:
		g.upgrade(w, r)
	}
}

// originAllowed reports whether the request has one Origin header and it is,
// byte for byte, in the list. Being the same as Host grants nothing.
func (g *Guard) originAllowed(r *http.Request) bool {
	o := r.Header.Values("Origin")
	return len(o) == 1 && g.slots.allows(o[0])
}

func (g *Guard) upgrade(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(websocket.Subprotocols(r), Protocol) {
		g.refuse(w, http.StatusBadRequest, fault.Version, "the sub-protocol must be "+Protocol)
		return
	}
	origin := r.Header.Get("Origin")
	slot := g.slots.take(origin)
	if slot == nil {
		g.refuse(w, http.StatusServiceUnavailable, fault.Busy, "too many connections are open")
		return
	}
	defer g.slots.give(slot)
	g.open.Add(1)
	defer g.open.Done()
	ws, err := g.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	defer ws.Close()
	ws.SetReadLimit(MaxMessage)
	ws.SetPingHandler(pings(ws, time.Now))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	g.slots.opened(slot, func() { cancel(); go ws.Close() })
	g.cfg.Handle(context.WithValue(ctx, settleKey{}, func() { g.slots.settle(slot) }), ws, origin)
}

// health answers what an allowed page needs to tell "not running" from
// "refused": the protocol's name. Everybody else learns nothing, a program that
// names no origin neither: bridge/internal/instance answers the person's own.
func (g *Guard) health(w http.ResponseWriter, r *http.Request) {
	if !g.originAllowed(r) {
		g.refuse(w, http.StatusForbidden, fault.OriginRefused, "this site is not in the bridge's list of origins")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		g.refuse(w, http.StatusMethodNotAllowed, fault.Method, "use GET")
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"protocol":"`+Protocol+`"}`+"\n")
}

// refuse answers with the project's error body. The reason is about us, never
// about what the stranger sent.
func (g *Guard) refuse(w http.ResponseWriter, status int, code fault.Code, message string) {
	if g.refusals.news(message, time.Now()) {
		g.cfg.Log.Warn("connection refused", "status", status, "code", code, "reason", message)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{\"error\":{\"code\":%q,\"message\":%q}}\n", code, message)
}

func loopbackPeer(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// hostsOf are the Host headers with which a page may address the listener at
// addr.
func hostsOf(addr net.Addr) ([]string, error) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: only loopback addresses are allowed", addr)
	}
	port := strconv.Itoa(tcp.Port)
	return []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}, nil
}
