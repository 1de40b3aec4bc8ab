package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/bridge/internal/instance"
	"countersign/shared/fault"
)

// counting is a command whose work on the files is counted.
func counting(dir string, done *atomic.Int32) *Client {
	return &Client{StateDir: dir, Files: func() (Handlers, func() error, error) {
		h := handlers("files")
		Handle(h, AddOrigin, func(context.Context, OriginParams) (AddResult, error) { done.Add(1); return AddResult{}, nil })
		return h, func() error { return nil }, nil
	}}
}

// fake has the lock, reads one request and does something.
func fake(t *testing.T, dir string, do func(c net.Conn, die func())) {
	t.Helper()
	lock, err := instance.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.sock")
	l, err := net.Listen("unix", path)
	if err == nil {
		err = lock.Say(instance.Holder{PID: os.Getpid(), Socket: path, Protocol: Protocol})
	}
	if err != nil {
		t.Fatal(err)
	}
	die := func() { _ = l.Close(); _ = lock.Release() }
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = readLine(c, MaxRequest)
		do(c, die)
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

// Between doing and answering a bridge may be killed.
func TestWhatAKilledBridgeMayHaveDoneIsNotDoneAgainAndSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	var done atomic.Int32
	fake(t, dir, func(_ net.Conn, die func()) { done.Add(1); die() })
	_, err := Call(t.Context(), counting(dir, &done), AddOrigin, OriginParams{Origin: "https://a.example"})
	if err == nil || !strings.Contains(err.Error(), "ended without an answer: whether it was done is not known") || done.Load() != 1 {
		t.Errorf("done %d times: %v", done.Load(), err)
	}
	dir = stateDir(t)
	fake(t, dir, func(_ net.Conn, die func()) { die() })
	if got := connected(t, client(dir)); got != "files" { // what changes nothing is asked again
		t.Errorf("a list: the %s", got)
	}
}

func TestABridgeThatEndsAnswersWhoHasCome(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir}) // it does not listen yet
	var all []net.Conn
	for i := range 40 {
		c, err := net.Dial("unix", s.socket.path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // the others have not asked yet
			if _, err := c.Write([]byte(`{"v":1,"method":"origins.add","params":{"origin":"https://a.example"}}` + "\n")); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i, c := range all {
		line, err := bufio.NewReader(c).ReadString('\n')
		if _, refused := decodeAnswer([]byte(strings.TrimSpace(line))); fault.CodeOf(refused) != fault.Busy {
			t.Errorf("%d: %q, %v", i, line, err)
		}
	}
}

func TestASlowAnswerIsWaitedForAsLongAsTheBridgeLives(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	h := handlers("bridge")
	var done atomic.Int32
	Handle(h, AddOrigin, func(ctx context.Context, _ OriginParams) (AddResult, error) {
		select {
		case <-time.After(answerTimeout + aliveEvery):
		case <-ctx.Done():
			return AddResult{}, ctx.Err()
		}
		done.Add(1)
		return AddResult{Added: true}, nil
	})
	s.Serve(nil, h)
	if r, err := Call(t.Context(), client(dir), AddOrigin, OriginParams{Origin: "https://a.example"}); err != nil || !r.Added || done.Load() != 1 {
		t.Errorf("%+v, %v; done %d times", r, err, done.Load())
	}
}

func TestABridgeThatSendsNothingIsCalledSo(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	var done atomic.Int32
	leave := make(chan struct{})
	fake(t, dir, func(_ net.Conn, die func()) { <-leave; die() })
	_, err := Call(t.Context(), counting(dir, &done), AddOrigin, OriginParams{Origin: "https://a.example"})
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprintf("the bridge of process %d does not answer; whether it was done is not known; end it", os.Getpid())) {
		t.Error(err)
	}
	if close(leave); done.Load() != 0 {
		t.Error("it was done on the files")
	}
}

func TestACommandThatClosesItsHalfOfTheConnectionIsAnswered(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	h := handlers("bridge")
	begun, proceed := make(chan struct{}), make(chan struct{})
	Handle(h, AddOrigin, func(ctx context.Context, _ OriginParams) (AddResult, error) {
		close(begun)
		select {
		case <-proceed:
		case <-ctx.Done():
		}
		return AddResult{Added: true}, ctx.Err()
	})
	s.Serve(nil, h)
	c, err := net.Dial("unix", s.socket.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(`{"v":1,"method":"origins.add","params":{"origin":"https://a.example"}}` + "\n")); err != nil {
		t.Fatal(err)
	}
	<-begun
	if err := c.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	space := make([]byte, 1) // the bridge noticed, and goes on
	if _, err := c.Read(space); err != nil || space[0] != ' ' {
		t.Fatalf("%q, %v", space, err)
	}
	close(proceed)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, `"added":true`) {
		t.Errorf("%q, %v", line, err)
	}
}

// A program of the same user that connects and says nothing, or waits for the journal, as
// often as it can.
func TestAFloodOfConnectionsCostsACommandNothing(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	h := handlers("bridge")
	Handle(h, JournalEnd, func(ctx context.Context, _ EndParams) (EndResult, error) {
		<-ctx.Done()
		return EndResult{}, ctx.Err()
	})
	s.Serve(nil, h)
	ctx, stop := context.WithCancel(t.Context())
	flooded, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var all []net.Conn
		for i := 0; ctx.Err() == nil; i++ {
			c, err := net.Dial("unix", s.socket.path)
			if err != nil {
				continue // the queue is full for a moment
			}
			if i < 2*maxConnections {
				_, _ = c.Write([]byte(`{"v":1,"method":"journal.end","params":{"after":9}}` + "\n"))
			}
			if all = append(all, c); len(all) == maxSilent+2*maxConnections {
				close(flooded)
			}
			if len(all) > maxSilent+2*maxConnections { // the one that makes room comes again
				oldest := all[2*maxConnections]
				_, _ = oldest.Read(make([]byte, 1))
				oldest.Close()
				all = append(all[:2*maxConnections], all[2*maxConnections+1:]...)
			}
		}
		for _, c := range all {
			c.Close()
		}
	}()
	<-flooded
	began := time.Now()
	for range 20 {
		if got := connected(t, client(dir)); got != "bridge" {
			t.Errorf("a command asks the %s", got)
		}
	}
	if took := time.Since(began); took > reachTimeout {
		t.Errorf("20 commands took %s", took)
	}
	stop()
	<-ended
}
