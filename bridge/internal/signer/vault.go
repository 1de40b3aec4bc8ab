package signer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/secret"
)

// maxPIN is the longest PIN file, in bytes.
const maxPIN = 256

// hsmVault is the vault token behind [Vault]. No person sits beside it: when the
// token has forgotten its PIN, because it was pulled or its module failed, the
// vault reads it again from its file.
type hsmVault struct {
	devices *device.Devices
	token   *device.Device
	uri     device.URI
	pinFile string

	log       *slog.Logger
	unlocking sync.Mutex
	refused   os.FileInfo // the PIN file whose PIN the token refused; guarded by unlocking
	telling   sync.Mutex
	told      map[string]bool // labels under which planted objects were told of; guarded by telling
}

// openHSM loads the module, finds the vault token and unlocks it.
func openHSM(ctx context.Context, cfg Config, log *slog.Logger) (Vault, func() error, error) {
	uri, err := device.ParseURI(cfg.Token)
	if err != nil {
		return nil, nil, err
	}
	v := &hsmVault{uri: uri, pinFile: cfg.PINFile, log: log, told: map[string]bool{}}
	if file, ok := strings.CutPrefix(uri.PINSource, "file:"); ok {
		if v.pinFile != "" {
			return nil, nil, fault.New(fault.Invalid, "the PIN is named twice, by pin_file and by pin-source").With("field", "pin_file")
		}
		v.pinFile = file
		v.uri.PINSource = ""
	}
	if v.devices, err = device.Open(device.Config{Modules: device.Modules(cfg.Module), Timeout: 30 * time.Second}); err != nil {
		return nil, nil, err
	}
	if err = v.devices.Usable(); err == nil {
		v.token, err = v.devices.Device(ctx, v.uri.String())
	}
	if err == nil {
		err = v.unlock(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open the vault token: %w", err), v.devices.Close())
	}
	return v, v.devices.Close, nil
}

// unlock gives the token its PIN, and never the last try. A PIN that was refused is
// not given again until its file changes: each request would use up a try.
func (v *hsmVault) unlock(ctx context.Context) error {
	v.unlocking.Lock()
	defer v.unlocking.Unlock()
	if !v.token.State(ctx).Locked {
		return nil // by another who waited for the same
	}
	pin, file, err := readPIN(v.pinFile)
	if err != nil {
		return err
	}
	defer clear(pin)
	if v.refused != nil && os.SameFile(v.refused, file) && v.refused.ModTime().Equal(file.ModTime()) {
		return fault.New(fault.PINIncorrect, "the token refused the PIN in its file, which is not tried again")
	}
	err = v.token.Login(ctx, pin, false)
	if v.refused = nil; fault.CodeOf(err) == fault.PINIncorrect {
		v.refused = file
	}
	return err
}

// unlocked does something with the token, and again after the PIN when it was
// locked: PIN_REQUIRED says that the first try did nothing.
func (v *hsmVault) unlocked(ctx context.Context, do func() error) error {
	err := do()
	if fault.CodeOf(err) != fault.PINRequired {
		return err
	}
	if err := v.unlock(ctx); err != nil {
		return err
	}
	return do()
}

// readPIN reads a PIN from a file that only its owner can read.
func readPIN(path string) (pin []byte, info os.FileInfo, err error) {
	pin, info, err = secret.Line(path, maxPIN)
	if f, ok := fault.As(err); ok {
		return nil, nil, f.With("field", "pin_file")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the PIN of the vault token: %w", err)
	}
	return pin, info, nil
}

// Key looks for the one key pair of a label whose private half the PIN protects and
// that was made in this token from t. What anybody could have planted beside it
// counts for nothing, and is told.
func (v *hsmVault) Key(ctx context.Context, t device.Template) (keys.Key, error) {
	var pairs []device.Pair
	var strangers int
	err := v.unlocked(ctx, func() (err error) { pairs, strangers, err = v.token.Pairs(ctx, t.Label); return err })
	if err != nil {
		return nil, err
	}
	v.tell(t.Label, strangers)
	var right []keys.Key
	why := ""
	for _, p := range pairs {
		if unlike := p.Origin.Unlike(t); unlike != "" {
			why = unlike
		} else if p.Key == nil {
			why = "its public half is missing"
		} else {
			right = append(right, &vaultKey{v, p.Key})
		}
	}
	if len(right) > 1 { // anybody can add public halves; the right one proves itself
		proven := right[:0]
		for _, key := range right {
			switch err := prove(ctx, key, t); {
			case err == nil:
				proven = append(proven, key)
			case fault.CodeOf(err) == fault.KeyUnsuited:
				why = "a public half with its id is another key's"
			default:
				return nil, err
			}
		}
		right = proven
	}
	switch {
	case len(right) == 0 && why == "":
		return nil, fault.New(fault.KeyMissing, fmt.Sprintf("the vault token has no key %q", t.Label))
	case len(right) == 0:
		return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %q in the vault token was not made by `countersign-bridge signer init`: %s", t.Label, why))
	case len(right) > 1:
		return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("the vault token has %d keys %q: remove the one that is not the vault's", len(right), t.Label))
	}
	if why != "" {
		v.log.Warn("the vault token holds another private key of this label, which is ignored", "label", t.Label, "because", why)
	}
	return right[0], nil
}

// tell logs once for each label that objects were planted.
func (v *hsmVault) tell(label string, strangers int) {
	v.telling.Lock()
	defer v.telling.Unlock()
	if strangers == 0 || v.told[label] || len(v.told) >= maxTold {
		return
	}
	v.told[label] = true
	v.log.Warn("the vault token holds objects that can be planted without its PIN, under the label of a key of the vault: they are ignored",
		"label", label, "objects", strangers)
}

// maxTold is of how many labels it is remembered that they were told of.
const maxTold = 256

// Generate makes a key pair, and finds it as [hsmVault.Key] does.
func (v *hsmVault) Generate(ctx context.Context, t device.Template) (keys.Key, error) {
	err := v.unlocked(ctx, func() error { _, err := v.token.Generate(ctx, t); return err })
	if err != nil {
		return nil, err
	}
	return v.Key(ctx, t)
}

func (v *hsmVault) GetData(ctx context.Context, label string) (data []byte, err error) {
	err = v.unlocked(ctx, func() (err error) { data, err = v.token.Data(ctx, label); return err })
	return data, err
}

func (v *hsmVault) PutData(ctx context.Context, label string, data []byte) error {
	return v.unlocked(ctx, func() error { return v.token.PutData(ctx, label, data) })
}

// vaultKey is a key of the vault, which unlocks it when it must.
type vaultKey struct {
	vault *hsmVault
	key   keys.Key
}

func (k *vaultKey) Info() keys.Info          { return k.key.Info() }
func (k *vaultKey) PublicKey() jws.PublicKey { return k.key.PublicKey() }
func (k *vaultKey) SignsChecked()            {}

func (k *vaultKey) SignDigest(ctx context.Context, digest []byte) (sig []byte, err error) {
	err = k.vault.unlocked(ctx, func() (err error) { sig, err = k.key.SignDigest(ctx, digest); return err })
	return sig, err
}

func (k *vaultKey) ECDH(ctx context.Context, peer []byte) (secret []byte, err error) {
	err = k.vault.unlocked(ctx, func() (err error) { secret, err = k.key.ECDH(ctx, peer); return err })
	return secret, err
}
