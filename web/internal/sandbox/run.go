package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"countersign/shared/secret"
	"countersign/shared/wire"
	"countersign/web/internal/sandbox/backend"
	"countersign/web/internal/sandbox/node"
	"countersign/web/internal/sandbox/pretend"
)

// blockTime is how often an empty block follows a transaction, until it has
// enough confirmations.
const blockTime = 500 * time.Millisecond

// Run serves all of it until ctx ends. It prints one line to Out per listener,
// "listening on http://127.0.0.1:8081", in the order providers, chain,
// dashboard.
func Run(ctx context.Context, cfg Config, stdio Stdio) error {
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	log := slog.New(secret.NewLog(stdio.Err))
	funds, err := openFunds(cfg.StateDir)
	if err != nil {
		return err
	}
	chain, err := node.Open(node.Config{Dir: cfg.StateDir, Faucet: funds.addresses(), Contracts: funds.contracts()})
	if err != nil {
		return err
	}
	defer chain.Close()
	funds.chain = chain
	if err := funds.give(cfg.Funded); err != nil {
		return err
	}

	notices, err := newNotifier(cfg.GatewayURL, cfg.NoticeSecretFiles, log)
	if err != nil {
		return err
	}
	listeners, err := listen(cfg.ProvidersListen, cfg.ChainListen, cfg.DashboardListen)
	if err != nil {
		return err
	}
	handlers, err := cfg.handlers(funds, listeners, notices, log)
	if err != nil {
		closeAll(listeners)
		return err
	}
	for _, l := range listeners {
		fmt.Fprintf(stdio.Out, "listening on http://%s\n", l.Addr())
	}
	go confirm(ctx, chain, log)
	go notices.run(ctx)
	return serve(ctx, listeners, handlers, log)
}

// handlers are those of the listeners, in the same order.
func (cfg Config) handlers(funds *funds, listeners []net.Listener, notices *notifier, log *slog.Logger) ([]http.Handler, error) {
	providers, err := pretend.New(pretend.Config{
		Base: "http://" + listeners[0].Addr().String(), Dir: cfg.StateDir, Chain: funds, Now: time.Now, Notify: notices.put,
	})
	if err != nil {
		return nil, err
	}
	rpc, err := funds.chain.Handler()
	if err != nil {
		return nil, err
	}
	user := cfg.UserName
	if user == "" {
		user = "Sandbox user"
	}
	_, port, err := net.SplitHostPort(listeners[2].Addr().String())
	if err != nil {
		return nil, err
	}
	dashboard, err := backend.New(backend.Config{
		GatewayURL: cfg.GatewayURL, DeveloperID: cfg.DeveloperID, Entities: cfg.Entities, APIKeyFile: cfg.APIKeyFile,
		BridgeURLs: cfg.BridgeURLs, UserName: user, Log: log,
		Hosts: []string{listeners[2].Addr().String(), "localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port},
	})
	if err != nil {
		return nil, err
	}
	return []http.Handler{providers.Handler(), rpc, dashboard}, nil
}

func listen(addresses ...string) ([]net.Listener, error) {
	var out []net.Listener
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("listen on %q: %w", a, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// serve runs one server per listener until ctx ends or one of them fails, and
// then gives running requests two seconds.
func serve(ctx context.Context, listeners []net.Listener, handlers []http.Handler, log *slog.Logger) error {
	ended := make(chan error, len(listeners))
	var servers []*http.Server
	for i, l := range listeners {
		s := &http.Server{
			Handler: handlers[i], ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: wire.MaxHead - wire.HeadSlop,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		servers = append(servers, s)
		go func() { ended <- s.Serve(l) }()
	}
	var failed error
	running := len(servers)
	select {
	case <-ctx.Done():
	case failed = <-ended:
		running--
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	}
	for range running {
		if err := <-ended; failed == nil && !errors.Is(err, http.ErrServerClosed) {
			failed = err
		}
	}
	return failed
}

func confirm(ctx context.Context, chain *node.Node, log *slog.Logger) {
	t := time.NewTicker(blockTime)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := chain.Tick(); err != nil {
				log.Error("mine a block", "error", err)
			}
		}
	}
}
