package token

import (
	"container/list"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/strictjson"
)

// Limits of proofs of possession.
const (
	MaxProof   = 4 << 10 // bytes
	ProofSlack = time.Minute
	proofsKept = 100_000
)

// proofTyp and proofAlg are the only ones of a proof (RFC 9449, section 4.2): a page's
// WebCrypto has the curve, and its private key can be kept from being read.
const (
	proofTyp = "dpop+jwt"
	proofAlg = "ES256"
)

// proofHeader has the members that RFC 9449 demands, and those of the key that WebCrypto
// writes too. A private half ("d") is not among them.
type proofHeader struct {
	Typ string `json:"typ"`
	Alg string `json:"alg"`
	JWK struct {
		Kty    string   `json:"kty"`
		Crv    string   `json:"crv"`
		X      string   `json:"x"`
		Y      string   `json:"y"`
		Alg    string   `json:"alg,omitempty"`
		Use    string   `json:"use,omitempty"`
		Ext    bool     `json:"ext,omitempty"`
		KeyOps []string `json:"key_ops,omitempty"`
	} `json:"jwk"`
}

type proofClaims struct {
	ID       string `json:"jti"`
	Method   string `json:"htm"`
	Address  string `json:"htu"`
	IssuedAt int64  `json:"iat"`
	Token    string `json:"ath,omitempty"` // SHA-256 of the token that it goes with
}

// Prove checks a proof of possession for a question at one of the gateway's own
// addresses, and returns the thumbprint of its key. token is the token that it goes with,
// empty when one is asked for. It fails with AUTHENTICATION_ERROR, details reason
// "proof". A proof works once.
func (i *Issuer) Prove(proof, method, path, token string) (thumbprint string, err error) {
	refuse := func(cause error) (string, error) {
		return "", fault.Wrap(cause, fault.Unauthenticated, "Invalid proof of possession").With("reason", "proof")
	}
	head, rest, _ := strings.Cut(proof, ".")
	body, sig, ok := strings.Cut(rest, ".")
	if !ok || len(proof) > MaxProof || strings.ContainsAny(proof, "\r\n") {
		return refuse(errors.New("it is not a compact JWS"))
	}
	var h proofHeader
	var c proofClaims
	if err := errors.Join(part(head, &h), part(body, &c)); err != nil {
		return refuse(err)
	}
	if h.Typ != proofTyp || h.Alg != proofAlg || h.JWK.Kty != "EC" || h.JWK.Crv != jws.P256 {
		return refuse(errors.New("it is not an ES256 proof with its public key"))
	}
	key, err := jws.NewPublicKey(h.JWK.Crv, h.JWK.X, h.JWK.Y)
	if err != nil {
		return refuse(err)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	if err != nil {
		return refuse(err)
	}
	digest := sha256.Sum256([]byte(head + "." + body))
	if err := key.Verify(digest[:], raw); err != nil {
		return refuse(err)
	}
	now := i.cfg.Now()
	ath := ""
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		ath = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	switch made := time.Unix(c.IssuedAt, 0); {
	case c.ID == "" || len(c.ID) > 128:
		return refuse(errors.New("it has no id"))
	case c.Method != method || !i.own(c.Address, path):
		return refuse(errors.New("it is for another address"))
	case c.IssuedAt <= 0 || made.After(now.Add(ProofSlack)) || made.Before(now.Add(-ProofSlack)):
		return refuse(errors.New("it was not made now"))
	case c.Token != ath:
		return refuse(errors.New("it is for another token"))
	}
	thumbprint = key.Thumbprint()
	if !i.proofs.first(thumbprint+" "+c.ID, now) {
		return refuse(errors.New("it was used before"))
	}
	return thumbprint, nil
}

// own reports whether an address is that of a path at one of the gateway's addresses, of
// which the public one may have a path too, that a proxy takes off; query and fragment do
// not count (RFC 9449, section 4.3).
func (i *Issuer) own(address, path string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User == nil && slices.ContainsFunc(i.bases, func(base string) bool { return origin(u)+u.EscapedPath() == base+path })
}

// origin is that of an address, without the port that its scheme has anyway (RFC 3986,
// section 6.2.3).
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "https":
		return scheme + "://" + strings.TrimSuffix(host, ":443")
	case "http":
		return scheme + "://" + strings.TrimSuffix(host, ":80")
	default:
		return scheme + "://" + host
	}
}

func part(s string, v any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return err
	}
	return strictjson.Unmarshal(raw, v, MaxProof)
}

// proofs are those that were used, while they could be used again.
type proofs struct {
	mu    sync.Mutex
	at    map[[32]byte]struct{}
	order *list.List // of *usedProof, the oldest first
}

type usedProof struct {
	id [32]byte
	at time.Time
}

// first reports whether a proof was not used before, and notes that it is.
func (p *proofs) first(id string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at, p.order = map[[32]byte]struct{}{}, list.New()
	}
	for e := p.order.Front(); e != nil; e = p.order.Front() {
		u := e.Value.(*usedProof)
		if len(p.at) < proofsKept && now.Sub(u.at) <= 2*ProofSlack {
			break
		}
		delete(p.at, u.id)
		p.order.Remove(e)
	}
	sum := sha256.Sum256([]byte(id))
	if _, used := p.at[sum]; used {
		return false
	}
	p.at[sum] = struct{}{}
	p.order.PushBack(&usedProof{sum, now})
	return true
}
