// Package dialout lets pages reach the bridge where loopback is impossible: it
// dials a gateway, proves the bridge's key, waits there under the name that
// follows from the key, and opens one connection more for each page that the
// gateway announces. The bridge listens nowhere for it. What a page says through
// the gateway is shared/link, as on loopback; the gateway is not trusted, and
// what it tells about a page's origin is a claim (shared/spec/relay.md). User:
// bridge/internal/approver.
package dialout

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
	"countersign/shared/secret"
)

const (
	dialTime    = 10 * time.Second // to reach the gateway, and to be registered
	writeTime   = 10 * time.Second
	lingerTime  = 2 * time.Second           // for the gateway to answer a close frame
	silence     = time.Minute               // of the gateway, which pings three times in it
	firstWait   = time.Second               // before the second try
	maxStreams  = 2 * rendezvous.MaxStreams // the gateway keeps to half of it; others may still be closing
	longestWait = time.Minute               // between two tries, and after the gateway preferred another connection
)

// Config says where to dial and who serves.
type Config struct {
	Gateway string             // an origin, see [ParseGateway]
	Key     *link.Key          // the bridge's static key
	Origins func() []string    // of the dashboards that may connect, as they are now
	Handle  func(c Connection) // serves one page and returns when it is over; it need not close
	Rand    io.Reader
	Log     *slog.Logger

	// Roots verify the gateway; nil: those of the system.
	Roots *x509.CertPool
	// Wait sleeps between tries, and returns early when ctx ends. Nil: it does.
	Wait func(ctx context.Context, d time.Duration)
	// Connected is called when the gateway knows the bridge, and with the reason
	// when it does not any more. It may be nil.
	Connected func(err error)
}

// Connection is a page at the gateway.
type Connection struct {
	Context context.Context // ends when the dialer stops
	Socket  *websocket.Conn
	Origin  string // as the gateway claims, and in the list
	Gateway string // its host, for people
}

// Dialer keeps a bridge known at one gateway.
type Dialer struct {
	cfg  Config
	dial websocket.Dialer
	base string // wss://host
	host string
}

// ParseGateway checks the origin of a gateway: https://host[:port], or http on
// loopback, where nobody is in between.
func ParseGateway(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || s != strings.ToLower(s) || s != u.Scheme+"://"+u.Host:
		return nil, fault.New(fault.Invalid, fmt.Sprintf("gateway %.80q: write it like https://gateway.example.com", secret.Text(s)))
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fault.New(fault.Invalid, fmt.Sprintf("gateway %.80q: it must be https", secret.Text(s)))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// New checks the configuration. It dials nothing.
func New(cfg Config) (*Dialer, error) {
	u, err := ParseGateway(cfg.Gateway)
	if err != nil {
		return nil, err
	}
	if cfg.Key == nil || cfg.Handle == nil || cfg.Rand == nil || cfg.Origins == nil {
		return nil, errors.New("dialout: a key, origins, a handler and randomness are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	if cfg.Connected == nil {
		cfg.Connected = func(error) {}
	}
	d := &Dialer{cfg: cfg, base: "ws" + strings.TrimPrefix(u.Scheme, "http") + "://" + u.Host, host: u.Host}
	d.dial = websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: dialTime, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
	}
	return d, nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Probe reports whether a relay of this version answers at the gateway. It
// proves no key, so the gateway learns of no bridge.
func (d *Dialer) Probe(ctx context.Context) error {
	ws, err := d.connect(ctx, rendezvous.BridgePath, rendezvous.BridgeProtocol)
	if err != nil {
		return err
	}
	defer ws.Close()
	ws.SetReadLimit(rendezvous.MaxControl)
	if err := ws.SetReadDeadline(time.Now().Add(dialTime)); err != nil {
		return err
	}
	_, err = receive(ws, rendezvous.Challenge)
	return closed(err)
}

// Run keeps the bridge known until ctx ends and every page's handler returned.
func (d *Dialer) Run(ctx context.Context) {
	var pages sync.WaitGroup
	defer pages.Wait()
	last := ""
	for try := 0; ctx.Err() == nil; try++ {
		registered, err := d.serve(ctx, &pages)
		if ctx.Err() != nil {
			return
		}
		if registered {
			try, last = 0, ""
		}
		pause := d.pause(try)
		if fault.CodeOf(err) == fault.Conflict {
			pause = longestWait // another bridge has our key: do not chase it
		}
		if text := err.Error(); text != last { // of a row of equal failures, the first
			d.cfg.Log.Warn("pages cannot reach this bridge through the gateway; trying on", "gateway", d.host, "error", err)
			last = text
		}
		d.cfg.Connected(err)
		d.cfg.Wait(ctx, pause)
	}
}

// pause is how long to wait after the n-th failure in a row: doubled each time,
// and spread between half and the whole, so that the bridges of a gateway that
// started again do not all come at once.
func (d *Dialer) pause(n int) time.Duration {
	whole := longestWait
	if n < 6 {
		whole = min(firstWait<<n, longestWait)
	}
	var raw [8]byte
	if _, err := io.ReadFull(d.cfg.Rand, raw[:]); err != nil {
		return whole
	}
	half := whole / 2
	return half + time.Duration(binary.BigEndian.Uint64(raw[:])%uint64(half))
}

// serve registers at the gateway and takes pages up until the connection ends.
// Its error is never nil.
func (d *Dialer) serve(ctx context.Context, pages *sync.WaitGroup) (registered bool, err error) {
	ws, err := d.connect(ctx, rendezvous.BridgePath, rendezvous.BridgeProtocol)
	if err != nil {
		return false, err
	}
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	ws.SetReadLimit(rendezvous.MaxControl)
	if err := d.register(ws); err != nil {
		return false, closed(err)
	}
	d.cfg.Log.Info("pages can reach this bridge through the gateway", "gateway", d.host)
	d.cfg.Connected(nil)
	alive := func() { _ = ws.SetReadDeadline(time.Now().Add(silence)) } // a closed socket fails the next read
	ws.SetPingHandler(func(data string) error {
		alive()
		_ = ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTime)) // likewise
		return nil
	})
	free := make(chan struct{}, maxStreams)
	for {
		alive()
		m, err := receive(ws, rendezvous.Open)
		if err != nil {
			return true, closed(err)
		}
		select {
		case free <- struct{}{}:
			pages.Go(func() {
				defer func() { <-free }()
				d.stream(ctx, m)
			})
		default:
			d.cfg.Log.Warn("a page was not taken up: too many are connected through the gateway")
		}
	}
}

// register proves the bridge's key.
func (d *Dialer) register(ws *websocket.Conn) error {
	deadline := time.Now().Add(dialTime)
	if err := errors.Join(ws.SetReadDeadline(deadline), ws.SetWriteDeadline(deadline)); err != nil {
		return err
	}
	m, err := receive(ws, rendezvous.Challenge)
	if err != nil {
		return err
	}
	challenge := rendezvous.ParseBytes(m.Key, link.KeySize)
	secret, err := d.cfg.Key.DH(nil, challenge)
	if err != nil {
		return err
	}
	static := d.cfg.Key.Static()
	answer, err := rendezvous.Message{Type: rendezvous.Register, Key: rendezvous.Bytes(static),
		Proof: rendezvous.Bytes(rendezvous.Proof(secret, challenge, static, d.cfg.Gateway))}.Encode()
	if err != nil {
		return err
	}
	if err := ws.WriteMessage(websocket.TextMessage, answer); err != nil {
		return err
	}
	_, err = receive(ws, rendezvous.Registered)
	return err
}

// stream serves one page.
func (d *Dialer) stream(ctx context.Context, m rendezvous.Message) {
	ws, err := d.connect(ctx, rendezvous.StreamPath, rendezvous.BridgeProtocol, rendezvous.Stream(m.Stream))
	if err != nil {
		d.cfg.Log.Warn("a page that waits at the gateway was not reached", "error", err)
		return
	}
	defer ws.Close()
	ws.SetReadLimit(rendezvous.MaxMessage)
	if !slices.Contains(d.cfg.Origins(), m.Origin) {
		d.cfg.Log.Warn("connection refused", "code", fault.OriginRefused, "reason", "the gateway names a site that is not in the bridge's list of origins")
		message := websocket.FormatCloseMessage(frame.CloseCode, string(fault.OriginRefused))
		_ = ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(writeTime)) // it may be gone
	} else {
		d.cfg.Handle(Connection{Context: ctx, Socket: ws, Origin: m.Origin, Gateway: d.host})
	}
	drain(ctx, ws)
}

// drain waits until the gateway has answered the close frame: a connection that
// is closed with something unread loses what was sent last.
func drain(ctx context.Context, ws *websocket.Conn) {
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	_ = ws.SetReadDeadline(time.Now().Add(lingerTime)) // it may be closed
	ws.SetPongHandler(nil)
	for {
		if _, _, err := ws.NextReader(); err != nil {
			return
		}
	}
}

// connect opens a WebSocket at the gateway.
func (d *Dialer) connect(ctx context.Context, path string, protocols ...string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	dial := d.dial
	dial.Subprotocols = protocols
	ws, answer, err := dial.DialContext(ctx, d.base+path, nil)
	if err != nil && answer != nil {
		return nil, fmt.Errorf("connect to the gateway: it answered %d: %w", answer.StatusCode, err)
	}
	if err != nil { // it may name a proxy, with its password
		return nil, fmt.Errorf("connect to the gateway: %w", secret.Redact(err, d.base))
	}
	if ws.Subprotocol() != rendezvous.BridgeProtocol {
		ws.Close()
		return nil, fault.New(fault.Version, "what answers is not a gateway with a relay of this version")
	}
	return ws, nil
}

// receive reads the control message that comes next.
func receive(ws *websocket.Conn, want string) (rendezvous.Message, error) {
	kind, data, err := ws.ReadMessage()
	if err != nil {
		return rendezvous.Message{}, fmt.Errorf("read from the gateway: %w", err)
	}
	if kind != websocket.TextMessage {
		return rendezvous.Message{}, fault.New(fault.Invalid, "control messages are text")
	}
	return rendezvous.DecodeMessage(data, want)
}

// closed finds the code in the gateway's close frame.
func closed(err error) error {
	c := (*websocket.CloseError)(nil)
	if !errors.As(err, &c) || c.Code != frame.CloseCode || !fault.Known(fault.Code(c.Text)) {
		return err
	}
	switch code := fault.Code(c.Text); code {
	case fault.Conflict:
		return fault.Wrap(err, code, "another bridge with the same key is connected to the gateway")
	case fault.SignatureInvalid:
		return fault.Wrap(err, code, "the gateway does not take the bridge's proof: is its public address the one in the configuration?")
	default:
		return fault.Wrap(err, code, "the gateway closed the connection")
	}
}
