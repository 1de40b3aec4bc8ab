package e2e

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// The app of the React package's README, built by Vite and served with the policy that
// it says is enough: with the core of the gateway, and with the copy in the package.
func TestTheREADMEsAppIsBuiltByViteAndPlays(t *testing.T) {
	for _, version := range []string{"vite7", "vite8"} {
		t.Run(version, func(t *testing.T) {
			h := newHost(t)
			if version == "vite8" {
				h.passesOn()
			}
			dir := project(t, "vite", version)
			h.typed(filepath.Join(dir, "src", "App.tsx"), block(t, "react/README.md", "tsx", "export default function App"))
			inside(t, dir, "npm", "run", "build")
			h.serves(h.policyOfREADME(), pagesIn(filepath.Join(dir, "dist")))
			h.plays()
		})
	}
}

// The provider of the seed "Authentication", with its props to the letter: a token in a
// form that says it lives for a hundred years, colours in both forms, and a refusal that
// is told once and answered with another token.
func TestTheSeedsProviderTakesItsPropsAndSaysWhenTheTokenIsRefused(t *testing.T) {
	h := newHost(t)
	dir := project(t, "vite", "vite8", "seed")
	app := filepath.Join(dir, "src", "App.tsx")
	code, err := os.ReadFile(app)
	if err != nil {
		t.Fatal(err)
	}
	h.typed(app, string(code))
	h.write(filepath.Join(dir, "src", "Desk.tsx"), "export { Desk };\n"+block(t, "react/README.md", "tsx", "countersign-quotes"))
	inside(t, dir, "node", "--test", "server.mjs")
	inside(t, dir, "npm", "run", "build")
	h.serves(h.policyOfREADME(), pagesIn(filepath.Join(dir, "dist")))
	p := browse(t, h.origin)
	p.until("three prices", "document.querySelectorAll('li').length === 3")
	p.until("that the first token was refused", "document.querySelector('#said').innerText === 'TOKEN_REFUSED'")
	if asked := h.tokens.Load(); asked != 1 {
		t.Errorf("the page asked for %d tokens, want the one that it needs", asked)
	}
}

// The same in Next's app router: rendered on the server first.
func TestTheREADMEsAppIsRenderedByNextAndPlays(t *testing.T) {
	h := newHost(t)
	h.passesOn()
	dir := project(t, "next")
	h.typed(filepath.Join(dir, "app", "App.tsx"), "'use client';\n"+block(t, "react/README.md", "tsx", "export default function App"))
	inside(t, dir, "npm", "run", "build")
	h.serves("", startNext(t, dir))
	h.plays()
}

// startNext serves a built app, and passes requests on to it.
func startNext(t *testing.T, dir string) http.Handler {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil { // Next takes no open socket
		t.Fatal(err)
	}
	cmd := exec.Command("node", "node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p", strconv.Itoa(at.Port))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		_ = cmd.Wait()
	})
	to := &url.URL{Scheme: "http", Host: at.String()}
	for end := time.Now().Add(patience); ; {
		if res, err := http.Get(to.String()); err == nil {
			res.Body.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("next start does not answer")
		}
		time.Sleep(100 * time.Millisecond)
	}
	return httputil.NewSingleHostReverseProxy(to)
}
