package modules

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"countersign/softhsm/piv"
)

// reader is the configuration of pcscd's virtual reader.
const reader = `FRIENDLYNAME "Virtual PCD"
DEVICENAME /dev/null:%[1]d
LIBPATH %[2]s
CHANNELID %[1]d
`

// OpenSC is the module of OpenSC over a pcscd of its own, with card in the
// virtual reader vpcd. Insert and remove the card as you like: it starts inserted.
// The others are for the same reader, which holds one at a time: remove one before
// you insert the next.
// The daemon is handed its socket, as systemd does it, so it needs no root, and a
// pcscd of the system goes on. Its reader listens on a free port of all
// addresses, which the driver does not let us choose: whoever reaches it can hold
// another card into it while the module is up.
func OpenSC(card *piv.Card, others ...*piv.Card) Start {
	return func(ctx context.Context, dir string) (_ *Module, err error) {
		if err := needs("pcscd", "pcscd"); err != nil {
			return nil, err
		}
		driver, err := library("pcsc/drivers/serial/libifdvpcd.so", "vsmartcard-vpcd")
		if err != nil {
			return nil, err
		}
		m := &Module{Label: card.Name(), PIN: card.PIN()}
		defer func() {
			if err != nil {
				err = errors.Join(err, m.Close())
			}
		}()
		if m.Path, err = library("opensc-pkcs11.so", "opensc-pkcs11"); err != nil {
			return nil, err
		}
		port, err := m.daemon(dir, driver)
		if err != nil {
			return nil, err
		}
		lying, takeAway := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- piv.Dial(lying, fmt.Sprintf("127.0.0.1:%d", port), append(others, card)...) }()
		m.stop = append(m.stop, func() error { takeAway(); return <-done })
		before := card.Counters().Resets
		card.Insert()
		return m, m.pcscd.await(ctx, func() bool { return card.Counters().Resets > before })
	}
}

// daemon starts pcscd and returns its reader's port.
func (m *Module) daemon(dir, driver string) (port int, err error) {
	if port, err = m.twoPorts(); err != nil {
		return 0, err
	}
	config := filepath.Join(dir, "readers")
	if err := os.Mkdir(config, 0o700); err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(config, "vpcd"), fmt.Appendf(nil, reader, port, driver), 0o600); err != nil {
		return 0, err
	}
	socket := filepath.Join(dir, "pcscd")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	listener.SetUnlinkOnClose(false)
	file, err := listener.File()
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	m.Env = []string{"PCSCLITE_CSOCK_NAME=" + socket}
	nobody := []string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + filepath.Join(dir, "nowhere")} // polkit has no say here
	m.pcscd, err = m.launch(nobody, file, "sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" --foreground --config "$1"`, program("pcscd"), config)
	return port, err
}
