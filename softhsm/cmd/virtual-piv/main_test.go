package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
)

func TestACardIsPulledAndInsertedByWords(t *testing.T) {
	t.Parallel()
	reader, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	hand, in := io.Pipe()
	says, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, cli{Reader: reader.Addr().String(), Name: "Alice", PIN: "123456", Tries: 3}, hand, out)
	}()
	answers := bufio.NewScanner(says)
	tell := func(word string) string {
		t.Helper()
		if _, err := io.WriteString(in, word+"\n"); err != nil || !answers.Scan() {
			t.Fatalf("%s: no answer: %v", word, err)
		}
		return answers.Text()
	}
	conn, err := reader.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if s := tell("remove"); !strings.Contains(s, `"inserted":false`) {
		t.Error(s)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the reader still holds the card: %v", err)
	}
	if s := tell("insert"); !strings.Contains(s, `"inserted":true`) {
		t.Error(s)
	}
	if _, err := reader.Accept(); err != nil {
		t.Error(err)
	}
	for word, want := range map[string]string{"state": `"tries_left":3`, "unblock": `"inserted":true`, "shuffle": `"error":"no such word`} {
		if s := tell(word); !strings.Contains(s, want) {
			t.Errorf("%s: %s", word, s)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestACardThatCannotBeIsAnError(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), cli{Reader: "127.0.0.1:1", PIN: "12", Tries: 3}, strings.NewReader(""), io.Discard); err == nil {
		t.Error("a card with a PIN of two digits was made")
	}
}
