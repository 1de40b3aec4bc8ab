package fault_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/softhsm"
	"countersign/softhsm/fault"
)

// childVariable makes the test program a user of the module that it names.
const childVariable = "FAULT_TEST_MODULE"

func TestMain(m *testing.M) {
	if module := os.Getenv(childVariable); module != "" {
		if err := serve(module, os.Stdin, os.Stdout); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve signs once for each line, which is a PIN: it begins again each time, as a
// program that has been told of an error does.
func serve(module string, in io.Reader, out io.Writer) error {
	d := &driver{ctx: pkcs11.New(module)}
	if err := d.ctx.Initialize(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		signature, err := d.once(lines.Text())
		answer := fmt.Sprintf("signed %d bytes", len(signature))
		if err != nil {
			answer = err.Error()
		}
		if _, err := fmt.Fprintln(out, strings.ReplaceAll(answer, "\n", "; ")); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) once(pin string) (signature []byte, err error) {
	slots, err := d.ctx.GetSlotList(true)
	if err != nil {
		return nil, err
	}
	if len(slots) != 1 {
		return nil, fmt.Errorf("%d tokens", len(slots))
	}
	if d.session, err = d.ctx.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION); err != nil {
		return nil, err
	}
	defer func() { _ = d.ctx.CloseSession(d.session) }() // and with it goes the login
	if err := d.login(pin); err != nil {
		return nil, err
	}
	return d.sign("k1")
}

// child is another process that uses the token.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	err strings.Builder
}

// spawn starts one, with nothing of the test's environment but the path.
func spawn(t *testing.T, f *softhsm.Faulty) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0])}
	c.cmd.Env = []string{childVariable + "=" + f.Module}
	c.cmd.Stderr = &c.err
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // whoever ended it already has looked at how
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	return c
}

func (c *child) ask(pin string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, pin); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) answer() string {
	c.out.Scan()
	return c.out.Text()
}

func (c *child) wants(want string) {
	c.t.Helper()
	if got := c.answer(); !strings.Contains(got, want) {
		c.t.Errorf("the other process says %q, want %q\n%s", got, want, c.err.String())
	}
}

func TestACrashEndsTheProcessAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]fault.Fault{
		"before":   fault.Crash("C_Sign"),
		"after":    fault.Crash("C_Sign").Late(),
		"by a lie": fault.Length("C_Sign", -2), // a length that miekg/pkcs11 believes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, spec("crash "+name))
			f.Set(crash.Times(1))
			first := spawn(t, f)
			first.ask(f.Token.PIN)
			first.wants("")
			if err := first.cmd.Wait(); err == nil {
				t.Error("it ended well")
			}
			if s := first.err.String(); !strings.Contains(s, "SIGSEGV") && !strings.Contains(s, "panic") {
				t.Errorf("it ended with\n%s", s)
			}
			second := spawn(t, f)
			second.ask(f.Token.PIN)
			second.wants("signed 64 bytes")
			if n := f.Calls("C_Sign"); n != 2 {
				t.Errorf("%d calls of C_Sign in both, want 2", n)
			}
		})
	}
}

func TestAHangInAnotherProcessLastsUntilItIsKilled(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("stuck"))
	f.Set(fault.Serial(0)) // what hangs keeps the token busy for all others
	release := f.Hang("C_Sign")
	stuck, other := spawn(t, f), spawn(t, f)
	stuck.ask(f.Token.PIN)
	entered(t, f, "C_Sign")
	other.ask(f.Token.PIN)
	entered(t, f, "C_Login")
	entered(t, f, "C_Login")
	if err := stuck.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := stuck.cmd.Wait(); err == nil {
		t.Error("it ended before it was killed")
	}
	entered(t, f, "C_Sign") // the other one goes on, and hangs in its turn
	release()
	other.wants("signed 64 bytes")
}

func TestFaultsReachAnotherProcessWhileItWorks(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("remote"))
	c := spawn(t, f)
	c.ask(f.Token.PIN)
	c.wants("signed 64 bytes")
	release := f.Hang("C_Sign")
	c.ask(f.Token.PIN)
	entered(t, f, "C_Sign")
	f.Vanish()
	release()
	c.wants("0x32")
	c.ask(f.Token.PIN)
	c.wants("0 tokens")
	f.Return()
	f.FailNext("C_Login", uint(pinIncorrect))
	c.ask(f.Token.PIN)
	c.wants("0xA0")
	c.ask(f.Token.PIN)
	c.wants("signed 64 bytes")
}

func TestWrongPINsOfAllProcessesCount(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("persistent"))
	f.Set(fault.PINTries(3))
	for _, want := range []string{"0xA0", "0xA0", "0xA4"} {
		c := spawn(t, f)
		c.ask("wrong")
		c.wants(want)
	}
	c := spawn(t, f)
	c.ask(f.Token.PIN)
	c.wants("0xA4")
}
