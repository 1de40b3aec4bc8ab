package consent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// asks is set in a process of the tests that asks for a PIN at the terminal of its
// session, as the bridge does.
const asks = "COUNTERSIGN_CONSENT_ASKS"

func askAtTheTerminal() int {
	t := &Terminal{Path: "/dev/tty"}
	if err := t.Check(context.Background()); err != nil {
		fmt.Println(err)
	}
	pin, err := t.PIN(context.Background(), PINQuestion{Device: "alice", TriesLeft: -1})
	fmt.Printf("answered %d bytes, error %v\n", len(pin), err)
	return 0
}

const prompt = "PIN (empty cancels): "

// then types keys and waits for what the screen shows after them.
func (s *screen) then(t *testing.T, keys, shows string) {
	t.Helper()
	before := len(s.shows())
	s.enter(t, keys)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.seen.String()[before:], shows) {
		s.more.Wait()
	}
}

// shells are those of this computer that control jobs.
func shells(t *testing.T, each func(t *testing.T, s *screen)) {
	for name, flag := range map[string]string{"bash": "--norc", "dash": "-i", "zsh": "-f"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScreen(t)
			tty, err := os.OpenFile(s.path, os.O_RDWR|unix.O_NOCTTY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer tty.Close()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, flag, "-i")
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PS1=shell# ", asks + "=1", "ask=" + program}
			cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s.await("shell# ")
			each(t, s)
			s.enter(t, "exit\n")
			if err := cmd.Wait(); err != nil {
				if _, left := errors.AsType[*exec.ExitError](err); !left {
					t.Error(err)
				}
			}
		})
	}
}

// hidden types a PIN at a prompt that is open, and expects that it is taken and not shown.
func hidden(t *testing.T, s *screen) {
	t.Helper()
	if s.mode(t)&unix.ECHO != 0 {
		t.Error("the echo is on")
	}
	s.then(t, "3456\n", "answered 4 bytes, error <nil>")
	if strings.Contains(s.shows(), "3456") {
		t.Errorf("shown %q", s.shows())
	}
}

func TestAPINPromptThatWasStoppedHidesThePINWhenItGoesOn(t *testing.T) {
	t.Parallel()
	shells(t, func(t *testing.T, s *screen) {
		s.then(t, "\"$ask\"\n", prompt)
		s.then(t, "77\x1a", "Stopped")
		s.then(t, "stty -a\n", " echo ")
		s.then(t, "fg\n", prompt)
		hidden(t, s)
		if strings.Contains(s.shows(), "77") || strings.Count(s.shows(), prompt) != 2 {
			t.Errorf("shown %q", s.shows())
		}
	})
}

func TestAPINPromptThatAnotherProgramStoppedHidesThePINWhenItGoesOn(t *testing.T) {
	t.Parallel()
	shells(t, func(t *testing.T, s *screen) {
		s.then(t, "\"$ask\"\n", prompt)
		group, err := unix.IoctlGetInt(int(s.master.Fd()), unix.TIOCGPGRP)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(-group, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		s.await("Stopped")
		s.then(t, "fg\n", prompt)
		hidden(t, s)
		s.then(t, "stty -a\n", " echo ")
	})
}

func TestABridgeInTheBackgroundSaysSoAndAsksInTheForeground(t *testing.T) {
	t.Parallel()
	shells(t, func(t *testing.T, s *screen) {
		const waits = "has a question for you and is in the background: bring it to the foreground, with fg]"
		s.then(t, "\"$ask\" &\n", waits)
		s.await("PROMPT_UNAVAILABLE: you cannot be asked: this program is in the background of its terminal")
		s.then(t, "echo the shell' has the terminal'\n", "the shell has the terminal")
		s.then(t, "fg\n", prompt)
		s.then(t, "\x1a", "Stopped")
		s.then(t, "bg\n", waits)
		s.then(t, "fg\n", prompt)
		hidden(t, s)
	})
}
