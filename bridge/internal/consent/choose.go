package consent

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"

	"countersign/shared/fault"
)

// Config chooses how the person is asked.
type Config struct {
	// Prompt is "auto" (or empty), "pinentry" or "terminal". "auto" takes
	// pinentry when Pinentry is set, or when one is installed and there is a
	// display; else the terminal.
	Prompt string
	// Pinentry is the path of the program; empty: pinentry from PATH.
	Pinentry string
	// TTY is the terminal; empty: /dev/tty.
	TTY string
	// Getenv reads the environment; nil: os.Getenv.
	Getenv func(string) string
}

// New returns the way to ask that fits cfg and this computer. "auto" looks at each
// question what there is. When there is nothing it refuses the question and says why:
// the bridge can be looked at and repaired, and signs nothing.
func New(cfg Config) (Asker, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	cfg.TTY = cmp.Or(cfg.TTY, "/dev/tty")
	switch cfg.Prompt {
	case "terminal":
		return &Terminal{Path: cfg.TTY}, nil
	case "", "auto":
		if cfg.Pinentry == "" {
			return auto{cfg}, nil
		}
	case "pinentry":
	default:
		return nil, fmt.Errorf("prompt %q is unknown: use auto, pinentry or terminal", cfg.Prompt)
	}
	path, err := exec.LookPath(cmp.Or(cfg.Pinentry, "pinentry"))
	if err != nil {
		return nil, fmt.Errorf("find the pinentry program: %w", err)
	}
	return &Pinentry{Path: path, TTY: cfg.TTY}, nil
}

// auto asks where it is possible at the moment.
type auto struct{ cfg Config }

// now is where a question would be asked now.
func (a auto) now() Asker {
	if a.cfg.Getenv("DISPLAY") != "" || a.cfg.Getenv("WAYLAND_DISPLAY") != "" {
		if path, err := exec.LookPath("pinentry"); err == nil {
			return &Pinentry{Path: path, TTY: a.cfg.TTY}
		}
	}
	if t := (&Terminal{Path: a.cfg.TTY}); t.there() {
		return t
	}
	return unavailable{}
}

// now is how asker asks at the moment.
func now(asker Asker) Asker {
	if a, ok := asker.(auto); ok {
		return a.now()
	}
	return asker
}

func (a auto) Where() string { return a.now().Where() }

func (a auto) Check(ctx context.Context) error { return a.now().Check(ctx) }

func (a auto) Confirm(ctx context.Context, q Question) error { return a.now().Confirm(ctx, q) }

func (a auto) PIN(ctx context.Context, q PINQuestion) ([]byte, error) { return a.now().PIN(ctx, q) }

func (a auto) Show(ctx context.Context, n Notice) error { return a.now().Show(ctx, n) }

// unavailable is an [Asker] for a computer where the user cannot be asked.
type unavailable struct{}

func (unavailable) Where() string { return "" }

func (unavailable) Check(context.Context) error { return errNowhere() }

func (unavailable) Confirm(context.Context, Question) error { return errNowhere() }

func (unavailable) PIN(context.Context, PINQuestion) ([]byte, error) { return nil, errNowhere() }

func (unavailable) Show(context.Context, Notice) error { return errNowhere() }

func errNowhere() error {
	return fault.New(fault.PromptUnavailable, "you cannot be asked: there is neither a display with pinentry nor a terminal")
}

// errUnavailable says why a way to ask that is there cannot be used.
func errUnavailable(what string, cause error) error {
	return fault.Wrap(cause, fault.PromptUnavailable, "you cannot be asked: "+what)
}
