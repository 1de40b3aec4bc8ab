package approver

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/dialout"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/keys"
	"countersign/shared/jws"
	"countersign/shared/link"
	"countersign/shared/name"
	"countersign/shared/secret"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// maxConfig is the largest file that is read, in bytes.
const maxConfig = 256 << 10

// Config is the configuration file of `countersign-bridge approver`: JSON, and
// unknown fields are errors. Relative paths are seen from the file's folder.
type Config struct {
	// Listen are loopback addresses, such as "127.0.0.1:18427" and
	// "[::1]:18427"; port 0 is any free port. Empty: the first of [frame.Ports]
	// that is free, on both.
	Listen []string `json:"listen"`
	// Origins are the dashboards that may connect, exactly as a browser names
	// them: "https://dashboard.example.com".
	Origins []string `json:"origins"`
	// Modules are the PKCS#11 modules of the tokens:
	// "/usr/lib/softhsm/libsofthsm2.so".
	Modules []string `json:"modules"`
	// ModuleReserved are strings that some of the modules want when they are
	// initialised (C_INITIALIZE_ARGS.pReserved), by their paths. NSS does:
	// "configdir='sql:/home/alice/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags=".
	ModuleReserved map[string]string `json:"module_reserved,omitempty"`
	// Identities are the members whose tokens are used at this computer.
	Identities []IdentityConfig `json:"identities"`
	// SignerFile is the signer.json that the vault's operator handed over: the
	// keys of the signer that this bridge trusts.
	SignerFile string `json:"signer_file"`
	// StateDir keeps pairings, the bridge's own key, and the journal.
	StateDir string `json:"state_dir"`
	// Prompt is "auto", "pinentry" or "terminal".
	Prompt string `json:"prompt"`
	// Pinentry is the path of the pinentry program; empty: the one in PATH.
	Pinentry string `json:"pinentry"`
	// IdleLock is after how long without a use the bridge locks a token: "10m";
	// "0" is never, and empty is [DefaultIdleLock].
	IdleLock string `json:"idle_lock"`
	// Relay is the way for pages that cannot reach loopback; empty: there is none.
	Relay RelayConfig `json:"relay"`

	file string // where it was read from: the origins may change while the bridge runs
}

// IdentityConfig is one member of one entity.
type IdentityConfig struct {
	Entity          string `json:"entity"`
	Member          string `json:"member"`
	CertificateFile string `json:"certificate_file"` // mem_….jws, from the vault's operator
	ApprovalKey     string `json:"approval_key"`     // "pkcs11:token=alice;object=approval"
	ChannelKey      string `json:"channel_key"`      // "pkcs11:token=alice;object=channel"
}

// DeviceModules are the modules as bridge/internal/device opens them.
func (c Config) DeviceModules() []device.Module {
	all := device.Modules(c.Modules...)
	for i := range all {
		all[i].Reserved = c.ModuleReserved[all[i].Path]
	}
	return all
}

// Load reads a configuration file.
func Load(path string) (Config, error) {
	var cfg Config
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("there is no configuration yet: %w\n  → Begin with the example: /usr/share/doc/countersign-bridge/examples/bridge.json, or bridge/packaging/bridge.json in the source", err)
	}
	if err != nil {
		return Config{}, err
	}
	if err := strictjson.Unmarshal(data, &cfg, maxConfig); err != nil {
		return Config{}, fmt.Errorf("read %s: %w", path, err)
	}
	cfg.file = path
	dir := filepath.Dir(path)
	for _, p := range []*string{&cfg.SignerFile, &cfg.StateDir} {
		*p = absolute(dir, *p)
	}
	if strings.Contains(cfg.Pinentry, "/") {
		cfg.Pinentry = absolute(dir, cfg.Pinentry)
	}
	for i := range cfg.Identities {
		cfg.Identities[i].CertificateFile = absolute(dir, cfg.Identities[i].CertificateFile)
	}
	if cfg.StateDir == "" {
		return Config{}, fmt.Errorf("read %s: state_dir is missing", path)
	}
	for _, o := range cfg.Origins {
		if _, err := guard.ParseOrigin(o); err != nil {
			return Config{}, fmt.Errorf("read %s: %w", path, err)
		}
	}
	if _, err := cfg.idleLock(); err != nil {
		return Config{}, fmt.Errorf("read %s: %w", path, err)
	}
	if g := cfg.Relay.Gateway; g != "" {
		if _, err := dialout.ParseGateway(g); err != nil {
			return Config{}, fmt.Errorf("read %s: relay: %w", path, err)
		}
	}
	return cfg, nil
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxConfig {
		return nil, fmt.Errorf("read %s: it is larger than %d bytes", path, maxConfig)
	}
	return data, nil
}

// signerFile is what an approver pins of a signer. signer init writes it.
type signerFile struct {
	Entity       string          `json:"entity"`
	EntityName   string          `json:"entity_name"`
	StatementKey statement.JWK   `json:"statement_key"`
	ChannelKeys  []statement.JWK `json:"channel_keys"`
}

// identity is a member with a certificate that the pinned signer gave.
type identity struct {
	IdentityConfig
	entityName  string
	memberName  string
	certificate string // JWS: the payload of the channel's act 3
	approval    jws.PublicKey
	channel     jws.PublicKey
	channelIn   string
	remote      []byte // the signer's channel key on the same curve
	tokens      Devices

	mu    sync.Mutex
	found map[string]keys.Key // by URI: a key survives the removal of its token
}

// key finds one of the identity's keys, and keeps the one that the certificate names.
func (id *identity) key(ctx context.Context, devices Devices, uri string, want jws.PublicKey) (keys.Key, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if k, ok := id.found[uri]; ok {
		return k, nil
	}
	k, err := devices.Key(ctx, uri)
	if err != nil || !k.PublicKey().Equal(want) {
		return k, err
	}
	if id.found == nil {
		id.found = map[string]keys.Key{}
	}
	id.found[uri] = k
	return k, nil
}

func loadIdentities(cfg Config, now time.Time) ([]*identity, error) {
	if len(cfg.Identities) == 0 {
		return nil, nil
	}
	pinned, key, err := loadPinned(cfg.SignerFile)
	if err != nil {
		return nil, err
	}
	var all []*identity
	for _, ic := range cfg.Identities {
		id, err := loadIdentity(ic, pinned, key)
		if err != nil {
			return nil, fmt.Errorf("identity %s: %w", ic.Member, err)
		}
		if id.expires.Before(now) {
			return nil, fmt.Errorf("identity %s: the certificate expired on %s", ic.Member, id.expires.UTC().Format(time.DateOnly))
		}
		all = append(all, id.identity)
	}
	return all, nil
}

// loadPinned reads the keys of the signer that this bridge trusts.
func loadPinned(path string) (pinned signerFile, key jws.PublicKey, err error) {
	data, err := readFile(path)
	if err != nil {
		return pinned, key, fmt.Errorf("read the signer's keys: %w", err)
	}
	if err := strictjson.Unmarshal(data, &pinned, maxConfig); err != nil {
		return pinned, key, fmt.Errorf("read %s: %w", path, err)
	}
	if why := name.Problem(pinned.EntityName); why != "" {
		return pinned, key, fmt.Errorf("read %s: entity_name %s", path, why)
	}
	if key, err = publicKey(pinned.StatementKey); err != nil {
		return pinned, key, fmt.Errorf("read %s: statement_key: %w", path, err)
	}
	return pinned, key, nil
}

type expiring struct {
	*identity
	expires time.Time
}

func loadIdentity(ic IdentityConfig, pinned signerFile, key jws.PublicKey) (expiring, error) {
	for field, uri := range map[string]string{"approval_key": ic.ApprovalKey, "channel_key": ic.ChannelKey} {
		if uri == "" && field == "channel_key" {
			continue // it is in software
		}
		u, err := device.ParseURI(uri)
		if err == nil && u.PINSource != "" {
			err = errors.New("pin-source is for programs that nobody sits at: the bridge asks for the PIN")
		}
		if err != nil { // without the URI: somebody may have written a PIN into it
			return expiring{}, fmt.Errorf("%s: %w", field, err)
		}
	}
	data, err := readFile(ic.CertificateFile)
	if err != nil {
		return expiring{}, fmt.Errorf("read the certificate: %w", err)
	}
	token := strings.TrimSpace(string(data))
	payload, err := jws.Verify(token, statement.TypMember, key)
	if err != nil {
		return expiring{}, fmt.Errorf("the certificate is not from the pinned signer: %w", err)
	}
	cert, err := statement.Decode[statement.Member](payload)
	if err != nil {
		return expiring{}, err
	}
	if cert.Entity != ic.Entity || cert.Member != ic.Member || pinned.Entity != ic.Entity {
		return expiring{}, fmt.Errorf("certificate and signer are for %s and %s of %s", pinned.Entity, cert.Member, cert.Entity)
	}
	id := &identity{IdentityConfig: ic, entityName: pinned.EntityName, memberName: cert.Name, certificate: token,
		channelIn: cert.ChannelIn}
	if id.approval, err = publicKey(cert.Approval); err != nil {
		return expiring{}, err
	}
	if id.channel, err = publicKey(cert.Channel); err != nil {
		return expiring{}, err
	}
	for _, k := range pinned.ChannelKeys {
		p, err := publicKey(k)
		if err != nil {
			return expiring{}, fmt.Errorf("the signer's channel key: %w", err)
		}
		if p.Curve() == id.channel.Curve() {
			id.remote = p.Compressed()
		}
	}
	if id.remote == nil {
		return expiring{}, fmt.Errorf("the signer has no channel key on %s", id.channel.Curve())
	}
	return expiring{id, time.Unix(cert.Expires, 0)}, nil
}

func publicKey(k statement.JWK) (jws.PublicKey, error) { return jws.NewPublicKey(k.Crv, k.X, k.Y) }

// token is the token of the approval key.
func (id *identity) token() string { return id.tokens.Token(id.ApprovalKey) }

// label is the token's label in a PKCS#11 URI that [loadIdentity] has checked.
func label(uri string) string {
	u, _ := device.ParseURI(uri)
	return u.Token
}

// loadLinkKey reads the bridge's own static key, or makes it at the first start.
func loadLinkKey(path string, random io.Reader) (*link.Key, error) {
	data, _, err := secret.Line(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		k, err := link.NewKey(random)
		if err != nil {
			return nil, err
		}
		text := base64.RawURLEncoding.EncodeToString(k.Bytes()) + "\n"
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("write the bridge's key: %w", err)
		}
		_, err = f.WriteString(text)
		return k, errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("read the bridge's key: %w", err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("read %s: it is not a key", path)
	}
	return link.ParseKey(raw)
}
