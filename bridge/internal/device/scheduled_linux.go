package device

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// scheduled says how long the threads of a process ran so far, and whether one of them
// would run if it could: it is stopped, or waits for a processor or the disk.
func scheduled(pid int) (ran time.Duration, waits bool) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is well-formed
	for _, task := range tasks {
		stat, err := os.ReadFile(task + "/stat")
		if err != nil {
			continue // it ended
		}
		if _, after, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" ")); ok && len(after) > 0 {
			waits = waits || bytes.IndexByte([]byte("RDTt"), after[0]) >= 0
		}
		times, err := os.ReadFile(task + "/schedstat") // how long it ran, in nanoseconds, and more
		if err != nil {
			continue
		}
		first, _, _ := bytes.Cut(times, []byte(" "))
		ns, _ := strconv.ParseInt(string(first), 10, 64)
		ran += time.Duration(ns)
	}
	return ran, waits
}
