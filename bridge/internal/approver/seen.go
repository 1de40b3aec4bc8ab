package approver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/name"
)

// seen is what this bridge sees of its prompt, modules, tokens and keys, for doctor: it may be
// started in another shell, with another environment, and find others. It looks for
// nothing that is missing, which would disturb what is there.
func (b *Bridge) seen(ctx context.Context) (notes []control.Note) {
	notes = append(notes, b.asks(ctx), b.paired())
	d, ok := b.deps.Devices.(unlock.Devices)
	if !ok {
		return notes
	}
	for _, p := range d.Problems() {
		if p.Same != "" {
			notes = append(notes, control.Note{ID: "twice:" + p.Path, Remark: true, Message: message(p.Err)})
			continue
		}
		notes = append(notes, control.Note{ID: "module:" + p.Path, Code: fault.CodeOf(p.Err), Message: message(p.Err)})
	}
	for _, path := range b.cfg.Modules {
		if !slices.ContainsFunc(d.Problems(), func(p device.Problem) bool { return p.Path == path }) {
			notes = append(notes, control.Note{ID: "module:" + path, Message: fmt.Sprintf("the module %s works and shows %s", path, fold.Count(shown(d, path), "token", "tokens"))})
		}
	}
	for _, t := range d.All() {
		if t.Present() {
			notes = append(notes, about(ctx, d, t)...)
		}
	}
	for _, o := range b.members.Out {
		notes = append(notes, control.Note{ID: "certificate:" + o.Member, Code: o.Code, Message: "the identity " + o.Member + " is left out: " + o.Err.Error()})
	}
	for _, id := range b.members.All {
		if err := id.Valid(b.deps.Now()); err != nil {
			notes = append(notes, control.Note{ID: "certificate:" + id.Member, Code: fault.CodeOf(err), Message: "the identity " + id.Member + " is left out: " + message(err)})
		}
		for _, k := range id.Keys() {
			n := control.Note{ID: "key:" + id.Member + ":" + k.Purpose, Message: fmt.Sprintf("the %s key of %s can be used", k.Purpose, id.Member)}
			if err := holds(ctx, d, k); err != nil {
				n.Code, n.Message = fault.CodeOf(err), fmt.Sprintf("the %s key of %s cannot be used: %s", k.Purpose, id.Member, message(err))
			}
			notes = append(notes, n)
		}
	}
	return notes
}

// asks says where the person is asked.
func (b *Bridge) asks(ctx context.Context) control.Note {
	n := control.Note{ID: control.Prompt, Message: "it asks in a window of pinentry"}
	if b.deps.Prompts.Where() == consent.AtTerminal {
		n.Message = "it asks in the terminal that it was started from"
	}
	if err := b.deps.Prompts.Check(ctx); err != nil {
		n.Code = fault.CodeOf(err)
		n.Message = strings.TrimPrefix(err.Error(), string(n.Code)+": ")
	}
	return n
}

// paired says how many pages are paired, and connected.
func (b *Bridge) paired() control.Note {
	n := control.Note{ID: "pairings"}
	list, err := b.pairings.List()
	if err != nil {
		n.Code, n.Message = fault.CodeOf(err), err.Error()
		return n
	}
	n.Message = fmt.Sprintf("%s paired, %d connected", fold.Count(len(list), "page is", "pages are"), len(b.pages.Connected()))
	return n
}

// shown counts the tokens that a module shows.
func shown(d unlock.Devices, path string) (n int) {
	for _, t := range d.All() {
		if t.Present() && t.Module() == path {
			n++
		}
	}
	return n
}

// about says what is seen of a token that is plugged in.
func about(ctx context.Context, d unlock.Devices, t *device.Device) []control.Note {
	called := d.Devices.Name(t.Identity())
	s := t.State(ctx)
	what := "unlocked"
	switch {
	case s.NoPIN:
		what = "there, and needs no PIN"
	case s.Locked:
		what = "locked"
	}
	notes := []control.Note{{ID: "token:" + called, Message: fmt.Sprintf("the token %s is %s", name.Quote(called), what)}}
	list, err := t.Keys(ctx)
	if fault.CodeOf(err) == fault.PINRequired && !s.Locked {
		return about(ctx, d, t) // it had forgotten the login: it counts as locked now
	}
	if err != nil {
		return append(notes, control.Note{ID: "keys:" + called, Code: fault.CodeOf(err), Message: message(err)})
	}
	for _, o := range append(list.Omitted, list.Doubts...) {
		notes = append(notes, control.Note{ID: "object:" + called + ":" + o.Object, Remark: true, Message: fmt.Sprintf("in the token %s, the %s: %s", name.Quote(called), o.Object, o.Why)})
	}
	return notes
}

// holds fails when a key of an identity cannot be used as things are.
func holds(ctx context.Context, d unlock.Devices, k member.Key) error {
	u, err := device.ParseURI(k.URI)
	if err != nil {
		return err
	}
	t, err := d.Known(u)
	switch {
	case err != nil:
		return err
	case t == nil || !t.Present():
		return fault.New(fault.DeviceMissing, fmt.Sprintf("the token of %s is not plugged in", k.URI))
	}
	s := t.State(ctx)
	switch {
	case s.PINLocked:
		return fault.New(fault.PINLocked, fmt.Sprintf("the token %s is locked after too many wrong PINs", name.Quote(d.Devices.Name(s.Identity))))
	case s.PINUnset:
		return fault.New(fault.DeviceFailed, fmt.Sprintf("the PIN of the token %s was never set", name.Quote(d.Devices.Name(s.Identity))))
	}
	key, err := d.Key(ctx, k.URI)
	switch {
	case fault.CodeOf(err) == fault.PINRequired:
		return nil // it shows after the PIN
	case err != nil:
		return err
	case !key.PublicKey().Equal(k.Public) && !s.Locked:
		return fault.New(fault.KeyUnsuited, "the token's key is not the one in the certificate")
	}
	return nil
}

func message(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Message
	}
	return err.Error()
}
