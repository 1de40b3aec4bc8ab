package soak

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// moduleName is what the bridge calls the process of a PKCS#11 module.
const moduleName = "countersign-bridge-module"

//go:embed module/sessions.c
var counter []byte

// Count compiles a PKCS#11 module that stands before real and counts its sessions
// into files in dir. It needs a C compiler, as cgo does.
func Count(ctx context.Context, dir, real string) (module string, err error) {
	source := filepath.Join(dir, "sessions.c")
	if err := os.WriteFile(source, counter, 0o600); err != nil {
		return "", err
	}
	module = filepath.Join(dir, "sessions.so")
	cmd := exec.CommandContext(ctx, "gcc", "-std=gnu11", "-O2", "-fPIC", "-shared", "-DREAL="+strconv.Quote(real), "-DCOUNTS="+strconv.Quote(dir),
		"-o", module, source, "-ldl")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the counting module: %w\n%s", err, out)
	}
	return module, nil
}

// Sample is what a process holds at one moment.
type Sample struct {
	RSS         int64 // bytes of memory
	Descriptors int64
	Threads     int64
	Sessions    int64 // of PKCS#11; in a module's process only
	Objects     int64 // that live as long as a session; likewise
}

// take reads what /proc says about a process.
func take(pid int) (s Sample, err error) {
	proc := "/proc/" + strconv.Itoa(pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			_, err = fmt.Sscanf(value, "%d kB", &s.RSS)
			s.RSS <<= 10
		case "Threads":
			_, err = fmt.Sscan(value, &s.Threads)
		case "FDSize":
			_, err = fmt.Sscan(value, &s.Descriptors)
		}
		if err != nil {
			return s, fmt.Errorf("read %s of process %d: %w", name, pid, err)
		}
	}
	fds, err := os.ReadDir(proc + "/fd")
	if errors.Is(err, fs.ErrPermission) { // a module's process shows them to root only: the room for them has to do
		return s, nil
	}
	s.Descriptors = int64(len(fds))
	return s, err
}

// counted adds what the module that Count made has counted.
func (s *Sample) counted(dir string, pid int) error {
	data, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(pid)))
	if err != nil {
		return err
	}
	var both [2]int64
	err = binary.Read(bytes.NewReader(data), binary.NativeEndian, &both)
	s.Sessions, s.Objects = both[0], both[1]
	return err
}

// Modules are the processes of PKCS#11 modules below a bridge.
func Modules(bridge int) (pids []int, err error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent int
		if _, err := fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &parent); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if parent != bridge {
			continue
		}
		name, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || !strings.HasPrefix(string(name), moduleName) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// transit is how long a module's process may be missing, or its successor there
// already.
const transit = 30 * time.Second

// record samples a bridge and its module's process until ctx ends.
func record(ctx context.Context, cfg Config, bridge int) (b, module Series, err error) {
	tick := time.NewTicker(cfg.every())
	defer tick.Stop()
	seen := time.Now()
	for {
		pids, err := Modules(bridge)
		if err != nil {
			return b, module, err
		}
		if len(pids) == 1 {
			seen = time.Now()
			s, err := take(bridge)
			if err != nil {
				return b, module, err
			}
			m, err := take(pids[0])
			if err == nil {
				err = m.counted(cfg.Counts, pids[0])
			}
			if err == nil { // else it has just ended
				b, module = append(b, s), append(module, m)
			}
		} else if time.Since(seen) > transit {
			return b, module, fmt.Errorf("the bridge has %d processes for one module", len(pids))
		}
		select {
		case <-ctx.Done():
			return b, module, nil
		case <-tick.C:
		}
	}
}
