package hsm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// maxObjects is how many objects one search returns at most, and maxFound how
// many one call does.
const (
	maxObjects = 1 << 15
	maxFound   = 1 << 10
)

// MaxData is the longest data object, in bytes.
const MaxData = 4096

// search finds objects. Only a call that finds none says that there are no more.
// The caller holds calls, and alone.
func (m *module) search(session pkcs11.SessionHandle, template []*pkcs11.Attribute) (found []pkcs11.ObjectHandle, err error) {
	if err := m.ctx.FindObjectsInit(session, template); err != nil {
		return nil, err
	}
	for {
		var some []pkcs11.ObjectHandle
		if some, _, err = m.ctx.FindObjects(session, maxFound); err != nil || len(some) == 0 {
			break
		}
		if found = append(found, some...); len(found) > maxObjects {
			err = fault.New(fault.TooLarge, "the token has more objects than can be listed")
			break
		}
	}
	if finalErr := m.ctx.FindObjectsFinal(session); err == nil {
		err = finalErr
	}
	return found, err
}

// flag reads a boolean attribute; of a token that does not know it, it is false.
func (m *module) flag(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, attribute uint) (bool, error) {
	a, err := m.ctx.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if effectOf(err)&(handleLost|loginLost|tokenLost) != 0 && !is(err, pkcs11.CKR_GENERAL_ERROR) { // which some say of an attribute that they do not know
		return false, err
	}
	return err == nil && len(a) == 1 && truth(a[0].Value), nil
}

// isUser reports whether the module sees this process as logged in.
func (m *module) isUser(session pkcs11.SessionHandle) (bool, error) {
	info, err := m.ctx.GetSessionInfo(session)
	return info.State == pkcs11.CKS_RO_USER_FUNCTIONS || info.State == pkcs11.CKS_RW_USER_FUNCTIONS, err
}

// isIn fails when the token does not say, in this session, that the user is logged in:
// with DEVICE_REMOVED, PIN_REQUIRED, or CKR_USER_NOT_LOGGED_IN when nobody had told.
// The caller holds calls, and alone.
func (k *Token) isIn(session pkcs11.SessionHandle) error {
	k.mu.Lock()
	present, loggedIn, open := k.present, k.loggedIn, k.unlocked
	k.mu.Unlock()
	switch {
	case !present:
		return removed(k.id)
	case !loggedIn && !open:
		return pinRequired(k.id)
	}
	if user, err := k.module.isUser(session); err != nil || user {
		return err
	}
	if open {
		info, err := k.info()
		if err != nil || info.Flags&pkcs11.CKF_LOGIN_REQUIRED == 0 {
			return err
		}
		k.hasPIN()
	}
	return pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)
}

// hasPIN notes that a token that needed no PIN was given one.
func (k *Token) hasPIN() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.setLoggedOut()
	k.unlocked, k.looked = false, false
}

// visible runs a search for what the PIN hides. A token that forgot the login tells
// nobody and shows less, and one that is gone shows nothing: so it is asked, before and
// after, whether the user is logged in, and when look found nothing whether it is still
// there. Only then is "not there" true. It fails as isIn does, whatever look said.
func (k *Token) visible(session pkcs11.SessionHandle, look func() (found bool, err error)) error {
	if err := k.isIn(session); err != nil {
		return err
	}
	found, err := look()
	if now := k.isIn(session); err == nil || is(now, pkcs11.CKR_USER_NOT_LOGGED_IN) || fault.CodeOf(now) == fault.PINRequired {
		err = now
	}
	if err == nil && !found && k.lookedGone() {
		return removed(k.id)
	}
	return err
}

// administer runs what must be alone on the token, in its anchor session.
func (k *Token) administer(ctx context.Context, what string, run func(session pkcs11.SessionHandle) error) error {
	defer k.enterAlone(normal)()
	if err := keys.Ended(ctx); err != nil {
		return err
	}
	session, err := k.anchorSession()
	if err != nil {
		return err
	}
	err = run(session)
	k.renewAnchor(err)
	return k.judge(err, what)
}

// Data reads the private data object with a label; nil when there is none. The
// token must be unlocked.
func (k *Token) Data(ctx context.Context, label string) (data []byte, err error) {
	err = k.administer(ctx, "read a data object", func(session pkcs11.SessionHandle) error {
		return k.visible(session, func() (found bool, err error) {
			versions, err := k.versions(session, label)
			if err != nil || len(versions) == 0 {
				return false, err
			}
			newest := versions[len(versions)-1]
			a, err := k.module.ctx.GetAttributeValue(session, newest.object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
			if err == nil {
				data = a[0].Value
			}
			return true, err
		})
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// PutData writes a private data object, over an older one with the same label.
// The older one is removed after the newer is there, so that a power cut leaves
// one or the other: the value of an object cannot be changed in every token.
func (k *Token) PutData(ctx context.Context, label string, data []byte) error {
	if label == "" || len(data) == 0 || len(data) > MaxData {
		return fault.New(fault.Invalid, fmt.Sprintf("a data object needs a label and 1 to %d bytes", MaxData))
	}
	return k.administer(ctx, "write a data object", func(session pkcs11.SessionHandle) error {
		older, err := k.replaced(session, label)
		if err != nil {
			return err
		}
		next := version{number: 1, epoch: k.inLogin()}
		if len(older) > 0 {
			next.number = older[len(older)-1].number + 1
		}
		delete(k.written, label)
		next.object, err = k.module.ctx.CreateObject(session, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_APPLICATION, application),
			pkcs11.NewAttribute(pkcs11.CKA_OBJECT_ID, binary.BigEndian.AppendUint64(nil, next.number)),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_VALUE, data),
		})
		for _, v := range older {
			if err == nil {
				err = k.module.ctx.DestroyObject(session, v.object)
			}
		}
		if err == nil {
			k.written[label] = next
		}
		return err
	})
}

// replaced is what PutData replaces: what it wrote last in this login, or what a
// search finds. A search reads every object of the token, and a vault has many.
func (k *Token) replaced(session pkcs11.SessionHandle, label string) (all []version, err error) {
	last, ok := k.written[label]
	if ok && last.epoch == k.inLogin() && !k.isLocked() {
		a, err := k.module.ctx.GetAttributeValue(session, last.object, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_OBJECT_ID, nil)})
		if err == nil && string(a[0].Value) == label && last.is(a[1].Value) {
			return []version{last}, nil
		}
	}
	err = k.visible(session, func() (bool, error) { all, err = k.versions(session, label); return len(all) > 0, err })
	return all, err
}

// application marks our data objects.
const application = "countersign"

// version is a data object and its number, which CKA_OBJECT_ID holds.
type version struct {
	object pkcs11.ObjectHandle
	number uint64
	epoch  int // the login that object belongs to, in Token.written
}

func (v version) is(id []byte) bool {
	return bytes.Equal(id, binary.BigEndian.AppendUint64(nil, v.number))
}

// versions lists the data objects with a label, the newest last: more than one
// only after a power cut. Only private ones count: anybody can make a public one. It is
// for visible.
func (k *Token) versions(session pkcs11.SessionHandle, label string) ([]version, error) {
	found, err := k.module.search(session, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_APPLICATION, application), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)})
	if err != nil {
		return nil, err
	}
	var all []version
	for _, object := range found {
		a, err := k.module.ctx.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_OBJECT_ID, nil)})
		if err != nil {
			return nil, err
		}
		v := version{object: object}
		if len(a[0].Value) == 8 {
			v.number = binary.BigEndian.Uint64(a[0].Value)
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b version) int { return cmp.Compare(a.number, b.number) })
	return all, nil
}
