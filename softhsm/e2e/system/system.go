// Package system starts the whole of Countersign as a user would: the programs
// from bin/, each a process of its own, on SoftHSM tokens that it provisions.
// `make run`, `make demo`, `make bench` and the end-to-end tests share it, so
// that what is tested is what runs. Nothing in it reaches into a program: it
// writes configuration files and reads addresses from standard output.
package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"countersign/shared/weborigin"
	"countersign/softhsm"
	"countersign/softhsm/ports"
)

// StartTimeout is how long a program may take until it listens.
const StartTimeout = 60 * time.Second

// The ports of `make run`; zero in a [Config] means any free port.
const (
	DashboardPort = 8080
	BridgePort    = 18427
)

// Config says where the system lives and how the approver is asked.
type Config struct {
	Dir           string   // state; created when missing, resumed when not
	Bin           string   // the folder with the programs
	DashboardPort int      // 0: any free port
	BridgePort    int      // 0: any free port
	Pinentry      string   // the program that asks the approver; empty: pinentry when there is a display, else the terminal
	BridgeEnv     []string // for the bridge, and so for Pinentry
	Terminal      bool     // the bridge may ask at this process's terminal
	Origins       []string // of pages that gateway and bridge admit besides the dashboard
	Fund          bool     // the vaults' accounts begin with 10 ether each, to send some of, and sweep what arrives
}

// System is a running Countersign.
type System struct {
	DashboardURL string // what to open in a browser
	GatewayURL   string
	BridgeURL    string // ws://…
	ChainURL     string
	ProvidersURL string
	State        *State // tokens, PINs and paths

	cfg       Config
	processes map[string]*process
	order     []string // names in the order of their start
	ended     chan error
	held      []*ports.Held
	lock      *os.File
}

// Start provisions what is missing in cfg.Dir and starts every program. When it
// fails, nothing is left running.
func Start(ctx context.Context, cfg Config) (*System, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	for _, o := range cfg.Origins {
		if err := weborigin.Check(o); err != nil {
			return nil, err
		}
	}
	state := &State{Dir: dir, vaults: map[string]softhsm.Store{}, sweeps: cfg.Fund}
	lock, err := state.claim()
	if err != nil {
		return nil, err
	}
	s := &System{cfg: cfg, State: state, lock: lock, processes: map[string]*process{}, ended: make(chan error, 16)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *System) start(ctx context.Context) error {
	at, err := s.addresses()
	if err != nil {
		return err
	}
	if err := s.State.provision(ctx); err != nil {
		return err
	}
	s.DashboardURL = "http://" + at.dashboard
	s.GatewayURL = "http://" + at.gateway
	s.ChainURL = "http://" + at.chain
	s.ProvidersURL = "http://" + at.providers
	s.BridgeURL = "ws://" + at.bridge
	if err := s.State.divide(s.cfg.Bin); err != nil {
		return err
	}
	for _, v := range Vaults {
		if err := s.State.initVault(ctx, s.cfg.Bin, v); err != nil {
			return err
		}
	}
	if err := s.State.writeConfigs(at, s.cfg); err != nil {
		return err
	}
	if err := s.State.handOver(); err != nil {
		return err
	}
	var names []string
	for _, v := range Vaults {
		names = append(names, v.Program)
	}
	for _, name := range append(names, "sandbox", "gateway", "bridge") {
		if err := s.StartProgram(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// command returns how each program is started.
func (s *System) command(name string) command {
	gateway, bridge := filepath.Join(s.cfg.Bin, "countersign-gateway"), filepath.Join(s.cfg.Bin, "countersign-bridge")
	config := "--config=" + s.State.config(name)
	for _, v := range Vaults {
		if v.Program == name {
			return command{name: name, path: bridge, args: []string{"signer", "serve", config}, env: s.State.vaultEnv(v), waits: 1}
		}
	}
	switch name {
	case "sandbox":
		return command{name: name, path: gateway, args: []string{"sandbox", config}, user: s.State.user(), waits: 3}
	case "gateway", beside:
		return command{name: name, path: gateway, args: []string{"serve", config}, user: s.State.user(), waits: 1}
	default:
		return command{name: "bridge", path: bridge, args: []string{"approver", config},
			env: append(s.State.approverEnv(), s.cfg.BridgeEnv...), tty: s.cfg.Terminal, waits: 1}
	}
}

// StartProgram starts one of sandbox, gateway, bridge and the signers, for instance
// after [System.StopProgram].
func (s *System) StartProgram(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	p, err := launch(ctx, s.command(name), s.State.logs())
	if err != nil {
		return err
	}
	if s.processes[name] == nil {
		s.order = append(s.order, name)
	}
	s.processes[name] = p
	go func() {
		<-p.done
		if !p.asked() {
			s.ended <- fmt.Errorf("%s ended unexpectedly: %w\n%s", name, exitError(p.err), tail(filepath.Join(s.State.logs(), name+".log")))
		}
	}()
	return nil
}

// beside is the name of a second gateway.
const beside = "gateway-2"

// StartBeside starts a second gateway, on the database of the first and a port of its
// own, and returns its address.
func (s *System) StartBeside(ctx context.Context) (url string, err error) {
	if err := s.State.writeBeside(); err != nil {
		return "", err
	}
	if err := s.StartProgram(ctx, beside); err != nil {
		return "", err
	}
	return s.processes[beside].addresses[0], nil
}

// StopProgram asks one program to stop and waits until it has.
func (s *System) StopProgram(name string) error { return s.processes[name].stop() }

// PID is the process of a program.
func (s *System) PID(name string) int { return s.processes[name].cmd.Process.Pid }

// KillProgram ends one program as a power cut would.
func (s *System) KillProgram(name string) { s.processes[name].kill() }

// Wait returns when ctx ends, with nil, or when a program ends by itself.
func (s *System) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.ended:
		return err
	}
}

// Stop stops every program, the last started first.
func (s *System) Stop() error {
	var errs []error
	for i := len(s.order) - 1; i >= 0; i-- {
		p := s.processes[s.order[i]]
		select {
		case <-p.done:
		default:
			errs = append(errs, p.stop())
		}
	}
	for _, h := range s.held {
		errs = append(errs, h.Close())
	}
	s.held = nil
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	s.lock = nil
	return errors.Join(errs...)
}

type addresses struct{ dashboard, gateway, chain, providers, bridge string }

// addresses chooses them beforehand, because the programs must be told of each
// other: the bridge lists the page's origin, the page lists the bridge. Their ports
// are held until the system stops, also while a program is started again.
func (s *System) addresses() (addresses, error) {
	var all addresses
	for _, want := range []struct {
		to       *string
		port     int
		variable string // with which make is told of another
	}{{&all.dashboard, s.cfg.DashboardPort, "PORT"}, {&all.bridge, s.cfg.BridgePort, "BRIDGE_PORT"}, {&all.gateway, 0, ""}, {&all.chain, 0, ""}, {&all.providers, 0, ""}} {
		if *want.to = net.JoinHostPort("127.0.0.1", strconv.Itoa(want.port)); want.port != 0 { // the person's choice
			l, err := chosen(want.port, want.variable)
			if err != nil {
				return addresses{}, err
			}
			defer l.Close() // until all are chosen
			continue
		}
		h, err := ports.Hold(*want.to)
		if err != nil {
			return addresses{}, err
		}
		s.held = append(s.held, h)
		*want.to = net.JoinHostPort("127.0.0.1", strconv.Itoa(h.Numbers[0]))
	}
	return all, nil
}

// chosen listens on a port that the person chose, and says how make is told of another
// when nobody can.
func chosen(port int, variable string) (net.Listener, error) {
	other := port + 19
	if other < 1024 || other > maxPort {
		other = DashboardPort + 19
	}
	instead := fmt.Sprintf("choose another: the same `make run` with %s=%d", variable, other)
	if port < 0 || port > maxPort {
		return nil, fmt.Errorf("port %d does not exist, they end at %d: %s", port, maxPort, instead)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %d is taken: stop what uses it, or %s: %w", port, instead, err)
	case err != nil:
		return nil, fmt.Errorf("port %d cannot be used: %s: %w", port, instead, err)
	}
	return l, nil
}

const maxPort = 1<<16 - 1
