package approver

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/dialout"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/statefile"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/secret"
	"countersign/shared/strictjson"
	"countersign/shared/weborigin"
)

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
	Identities []member.Config `json:"identities"`
	// SignerFile is the signer.json that the vault's operator handed over: the
	// keys of the signer that this bridge trusts. An identity of another vault names
	// its own.
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

// Members reads the identities of the configuration. It fails for what concerns all
// of them: the signer's file, and a member that is listed twice.
func (c Config) Members() (*member.List, error) {
	return member.Read(c.SignerFile, c.Identities, frame.MaxIdentities)
}

// DefaultIdleLock is after how long without a use the bridge locks a token.
const DefaultIdleLock = 10 * time.Minute

// idleLock is the time of the configuration; 0 is never.
func (c Config) idleLock() (time.Duration, error) {
	if c.IdleLock == "" {
		return DefaultIdleLock, nil
	}
	d, err := time.ParseDuration(c.IdleLock)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("idle_lock %q: write a time such as 10m or 1h30m, or 0 for never", c.IdleLock)
	}
	return d, nil
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
	data, err := statefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("there is no configuration yet: %w\n  → Begin with the example: /usr/share/doc/countersign-bridge/examples/bridge.json, or bridge/packaging/bridge.json in the source", err)
	}
	if err != nil {
		return Config{}, err
	}
	if err := strictjson.UnmarshalFile(data, &cfg, statefile.Max); err != nil {
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
		id := &cfg.Identities[i]
		id.CertificateFile, id.SignerFile = absolute(dir, id.CertificateFile), absolute(dir, id.SignerFile)
	}
	if cfg.StateDir == "" {
		return Config{}, fmt.Errorf("read %s: state_dir is missing", path)
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

// BadOrigin is an origin of the configuration that is left out, because no browser
// writes one so.
type BadOrigin struct {
	Origin string
	Err    error // INVALID_REQUEST: why
}

// Dashboards are the origins that may connect. One that is wrong costs no other.
func (c Config) Dashboards() (origins []string, leftOut []BadOrigin) {
	for _, o := range c.Origins {
		if err := weborigin.Check(o); err != nil {
			leftOut = append(leftOut, BadOrigin{o, err})
			continue
		}
		origins = append(origins, o)
	}
	return origins, leftOut
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// loadLinkKey reads the bridge's own static key, or makes it at the first start.
func loadLinkKey(path string, random io.Reader) (*link.Key, error) {
	data, _, err := secret.Line(path, statefile.Max)
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
