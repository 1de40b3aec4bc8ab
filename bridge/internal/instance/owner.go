package instance

import "fmt"

// Owner is the process that listens on a port.
type Owner struct {
	PID  int // 0: the system does not tell, mostly because it is another user's
	UID  int
	User string // name of the user, or "user 1000"
	Exe  string // path of the program, or ""
}

// String is "countersign-bridge (pid 4711) of alice".
func (o Owner) String() string {
	switch {
	case o.PID == 0:
		return "a program of " + o.User
	case o.Exe == "":
		return fmt.Sprintf("process %d of %s", o.PID, o.User)
	}
	return fmt.Sprintf("%s (pid %d) of %s", o.Exe, o.PID, o.User)
}
