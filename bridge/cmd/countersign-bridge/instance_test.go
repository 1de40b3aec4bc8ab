package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"countersign/shared/frame"
)

// running starts a bridge in this process and returns its lines, and how to stop
// it.
func running(t *testing.T, config string) (lines *bufio.Reader, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"approver", "--config", config}, stdio{write, &errs})
		write.Close()
	}()
	stop = func() {
		go func() { _, _ = io.Copy(io.Discard, read) }() // what it still says
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("exit %d: %s", code, &errs)
		}
	}
	return bufio.NewReader(read), stop
}

func line(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	l, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(l)
}

func TestASecondStartSaysWhereTheFirstListensAndLeaves(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	lines, stop := running(t, path)
	url, ok := strings.CutPrefix(line(t, lines), "listening on ")
	if !ok {
		t.Fatal(url)
	}
	code, out, errs := command(t, "approver", "--config", path)
	if want := fmt.Sprintf("a bridge of yours runs already: listening on %s, pid %d\n", url, os.Getpid()); code != 0 || out != want {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
	stop()
	lines, stop = running(t, path) // there is none any more
	if l := line(t, lines); !strings.HasPrefix(l, "listening on ") {
		t.Error(l)
	}
	stop()
}

func TestWithoutListenTheBridgeTakesAPortThatPagesKnow(t *testing.T) {
	t.Parallel()
	var last int
	for _, name := range []string{"the first bridge", "the bridge of another state directory"} {
		lines, stop := running(t, config(t, func(m map[string]any) { delete(m, "listen") }))
		defer stop()
		four := strings.TrimPrefix(line(t, lines), "listening on ws://")
		six := strings.TrimPrefix(line(t, lines), "listening on ws://")
		host, port, err := net.SplitHostPort(four)
		number, aerr := strconv.Atoi(port)
		if err != nil || aerr != nil || host != "127.0.0.1" || six != "[::1]:"+port || number <= last {
			t.Fatalf("%s listens on %s and %s, after %d", name, four, six, last)
		}
		known := false
		for _, p := range frame.Ports {
			known = known || p == number
		}
		if !known {
			t.Errorf("%s: port %d", name, number)
		}
		last = number
	}
}
