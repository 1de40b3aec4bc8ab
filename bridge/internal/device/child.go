package device

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"countersign/shared/secret"
)

// childName is the name under which the bridge's program starts itself for one
// module; ps shows it.
const childName = "countersign-bridge-module"

// childVariable stops the process of a module from starting further ones, which
// a program that does not call Child would do without end.
const childVariable = "COUNTERSIGN_MODULE_PROCESS"

// childSocket is the descriptor that the process of a module inherits.
const childSocket = 3

// Child is the first thing that a program which opens devices calls: when it was
// started as the process of a module, it serves that, and ran is true when it has
// ended.
func Child() (ran bool) {
	if os.Args[0] != childName || os.Getenv(childVariable) == "" {
		return false
	}
	setName() // before the next: then it could not any more
	if err := secret.Undumpable(); err != nil {
		return true // the bridge says that the module does not answer
	}
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // the bridge says when it is over
	file := os.NewFile(childSocket, "bridge")
	conn, err := net.FileConn(file)
	if err == nil {
		err = file.Close()
	}
	if err == nil {
		serve(conn)
	}
	return true
}

// finalizeTime is how long a module may take to leave.
const finalizeTime = time.Second

// serve answers calls until the bridge closes the socket. Then the module may
// leave in good order, but not take its time: a call into it may never return.
func serve(conn net.Conn) {
	var writing sync.Mutex
	say := func(number uint64, kind byte, body []byte) {
		writing.Lock()
		defer writing.Unlock()
		_ = writeMessage(conn, number, kind, body) // the bridge is gone: so is this process, below
	}
	s := &server{changed: func(t tokenInfo) {
		if body, err := encode(t); err == nil {
			say(0, saysChange, body)
		}
	}}
	var mu sync.Mutex
	cancels := map[uint64]context.CancelFunc{}
	messages := reader{from: conn}
	for {
		number, kind, body, err := messages.message()
		if err != nil {
			break
		}
		if kind == opCancel {
			mu.Lock()
			if cancel := cancels[number]; cancel != nil {
				cancel()
			}
			mu.Unlock()
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		mu.Lock()
		cancels[number] = cancel
		mu.Unlock()
		go func() {
			result, err := s.do(ctx, kind, body)
			clear(body) // it may be a PIN
			mu.Lock()
			delete(cancels, number)
			mu.Unlock()
			cancel()
			if err == nil {
				say(number, saysOK, result)
				clear(result) // it may be a shared secret
				return
			}
			if failed, err := encode(failureOf(err)); err == nil {
				say(number, saysError, failed)
			}
		}()
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		_ = s.close() // nobody is there to hear
	}()
	select {
	case <-left:
	case <-time.After(finalizeTime):
	}
}

// engine is one running module: a process, or for tests the server itself.
type engine interface {
	// call does one call. Its error is a *fault.Error, or errDied when the module's
	// process ended first.
	call(ctx context.Context, kind byte, body []byte) ([]byte, error)
	// done is closed when the engine will answer nothing more; why says why.
	done() <-chan struct{}
	why() error
	// held reports that it could not run since it was last asked, about a time ago: it
	// is stopped, or waits for a processor.
	held(time.Duration) bool
	// kill ends it at once.
	kill(cause error)
	// close ends it when nothing is running.
	close() error
}

// errDied is the end of a call whose module's process is gone: whether the token
// did the operation is not known.
var errDied = errors.New("the process of the module ended")

// inline is an engine in this process.
type inline struct {
	*server
	over chan struct{}
	end  sync.Once
}

func (i *inline) call(ctx context.Context, kind byte, body []byte) ([]byte, error) {
	result, err := i.do(ctx, kind, body)
	if err != nil {
		return nil, failureOf(err).fault()
	}
	return result, nil
}

func (i *inline) done() <-chan struct{}   { return i.over }
func (i *inline) why() error              { return errClosed } // it never crashes alone
func (i *inline) held(time.Duration) bool { return false }
func (i *inline) kill(error)              {} // nothing ends a call in one's own process

func (i *inline) close() error {
	i.end.Do(func() { close(i.over) })
	return i.server.close()
}
