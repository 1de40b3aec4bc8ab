//go:build hosts

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
	"strings"
	"syscall"
	"testing"
	"time"
)

// The app of the React package's README, built by Vite 7, with the core of the gateway.
func TestTheREADMEsAppIsBuiltByVite7AndPlays(t *testing.T) {
	h := newHost(t)
	h.buildsApp("vite7")
	h.plays()
}

// The same while it is being written: from Vite's development server, which bundles the
// packages in its own way.
func TestTheREADMEsAppPlaysInVitesDevelopmentServer(t *testing.T) {
	for _, version := range []string{"vite7", "vite8"} {
		t.Run(version, func(t *testing.T) {
			h := newHost(t)
			dir := project(t, "vite", version)
			h.typed(filepath.Join(dir, "src", "App.tsx"), block(t, "react/README.md", "tsx", "export default function App"))
			h.serves("", startNode(t, dir, "node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--strictPort", "--port"))
			h.plays()
		})
	}
}

// The elements of the React package's README, below its provider.
func TestTheREADMEsElementsPlayBelowReactsProvider(t *testing.T) {
	h := newHost(t)
	dir := project(t, "vite", "vite8")
	app := strings.Replace(block(t, "react/README.md", "tsx", "export default function App"), "<Buy />", "<Desk />", 1)
	app = app[:strings.Index(app, "function Buy")]
	app = strings.Replace(app, ", useApproval, useQuotes, useRequest", "", 1)
	h.typed(filepath.Join(dir, "src", "App.tsx"), "import { Desk } from './Desk';\n"+app)
	h.write(filepath.Join(dir, "src", "Desk.tsx"), "export { Desk };\n"+block(t, "react/README.md", "tsx", "countersign-quotes"))
	inside(t, dir, "npm", "run", "build")
	h.serves(h.policyOfREADME(), pagesIn(filepath.Join(dir, "dist")))
	h.playsElements()
}

// The README's app in Next's app router: rendered on the server first.
func TestTheREADMEsAppIsRenderedByNextAndPlays(t *testing.T) {
	h := newHost(t)
	h.passesOn()
	dir := project(t, "next")
	h.typed(filepath.Join(dir, "app", "App.tsx"), "'use client';\n"+block(t, "react/README.md", "tsx", "export default function App"))
	inside(t, dir, "npm", "run", "build")
	h.serves("", startNode(t, dir, "node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p"))
	h.plays()
}

// startNode runs a server in a project, the last of whose arguments is its port, and
// passes requests on to it.
func startNode(t *testing.T, dir string, args ...string) http.Handler {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil { // such servers take no open socket
		t.Fatal(err)
	}
	cmd := exec.Command("node", append(args, strconv.Itoa(at.Port))...)
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
			t.Fatalf("%s does not answer", args[0])
		}
		time.Sleep(100 * time.Millisecond)
	}
	return httputil.NewSingleHostReverseProxy(to)
}
