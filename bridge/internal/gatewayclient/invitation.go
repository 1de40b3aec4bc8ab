package gatewayclient

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/name"
	"countersign/shared/wire"
)

// Invitation is the address of an invitation to a vault. Whoever knows it can register, so
// that it is in no log.
type Invitation struct {
	client *Client
	path   string
}

// joins is where the addresses of invitations begin.
const joins = "/v1/join/"

// IsInvitation reports whether an argument is an address, and not a file.
func IsInvitation(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// OpenInvitation reads the address of an invitation. It fails with INVALID_REQUEST.
func OpenInvitation(address string, roots http.RoundTripper) (*Invitation, error) {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, joins) || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fault.New(fault.Invalid, "this is not the address of an invitation: it is like https://gateway.example.com"+joins+"…")
	}
	c, err := New(u.Scheme+"://"+u.Host, "", roots)
	if err != nil {
		return nil, err
	}
	return &Invitation{c, u.EscapedPath()}, nil
}

// Get is what whoever is invited is asked for. It fails with NOT_FOUND when the invitation has
// ended, and as [Client.Ask].
func (i *Invitation) Get(ctx context.Context) (wire.Invited, error) {
	return i.ask(ctx, http.MethodGet, nil)
}

// Register hands over a registration. It fails as the gateway does (shared/spec/wire.md).
func (i *Invitation) Register(ctx context.Context, registration string) (wire.Invited, error) {
	return i.ask(ctx, http.MethodPost, wire.RegistrationInput{Registration: registration})
}

// ask asks, and refuses an answer that a person could not be shown.
func (i *Invitation) ask(ctx context.Context, method string, in any) (v wire.Invited, err error) {
	if err := i.client.Ask(ctx, method, i.path, in, &v); err != nil {
		return wire.Invited{}, err
	}
	if !id.Is(id.Entity, v.Entity) || !id.Is(id.Member, v.Member) || name.Problem(v.EntityName) != "" || name.Problem(v.Name) != "" || name.Problem(v.Role) != "" {
		return wire.Invited{}, fault.New(fault.Unavailable, "the gateway does not answer as it should: names or ids in the invitation are wrong")
	}
	return v, nil
}
