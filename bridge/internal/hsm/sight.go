package hsm

import (
	"slices"
	"time"

	"github.com/miekg/pkcs11"
)

// isAt reports that a token is known to be in a slot.
func (m *module) isAt(id Identity, slot uint) bool {
	m.mu.Lock()
	k := m.tokens[id]
	m.mu.Unlock()
	return k != nil && k.isPresent() && k.where() == slot
}

// still is the token that was in a slot of a reader and is there yet, which the
// list of slots has told. Such a token is not asked who it is: the question would
// come between the PIN and the signature of a key that wants one before each, and
// OpenSC hangs in it when the card was pulled just now. One that was exchanged
// since the last look shows when a use of it fails, and before a PIN is given. One
// that nobody has unlocked, in the slot of another that is away, may be that one,
// which was misread: it is asked again now and then.
func (m *module) still(slot uint) (Identity, sight) {
	info, err := m.ctx.GetSlotInfo(slot)
	if err != nil || !isReader(info) || info.Flags&pkcs11.CKF_TOKEN_PRESENT == 0 {
		return Identity{}, unclear
	}
	generation := m.currentGeneration()
	all := m.list()
	misread := slices.ContainsFunc(all, func(k *Token) bool { return k.wasIn(slot, generation) })
	for _, k := range all {
		if k.isStill(slot, generation, misread) {
			return k.id, there
		}
	}
	return Identity{}, unclear
}

// lastIn is the token that was in a slot when the module last could look.
func (m *module) lastIn(slot uint) (Identity, sight) {
	for _, k := range m.list() {
		if k.isPresent() && k.where() == slot {
			return k.id, there
		}
	}
	return Identity{}, unclear
}

// wasIn reports that a token is away that was in a slot.
func (k *Token) wasIn(slot uint, generation int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.present && k.slot == slot && k.generation == generation
}

// isStill is still for one token, which may be another that was misread. A doubt is
// told once.
func (k *Token) isStill(slot uint, generation int, misread bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.present || k.slot != slot || k.generation != generation {
		return false
	}
	if misread && !k.loggedIn && k.doubted.IsZero() {
		k.doubted = time.Now()
	}
	doubt := !k.doubted.IsZero() && time.Since(k.doubted) >= lookEvery
	if doubt {
		k.doubted = time.Time{}
	}
	return !doubt
}

func isReader(info pkcs11.SlotInfo) bool { return info.Flags&pkcs11.CKF_REMOVABLE_DEVICE != 0 }

// holds checks whether a token is in its slot yet, after a use that failed. When the
// module does not say that it noticed anything, a token in a reader is only seen
// from outside, and asked when the reader has had its time to notice.
func (m *module) holds(slot uint, k *Token, e effect) bool {
	if info, err := m.ctx.GetSlotInfo(slot); err == nil && isReader(info) && e&loginLost == 0 {
		k.mu.Lock()
		k.doubted = time.Now()
		k.mu.Unlock()
		return info.Flags&pkcs11.CKF_TOKEN_PRESENT != 0
	}
	id, _, sight, _ := m.identify(slot)
	return sight == unclear || sight == there && id == k.id
}

// sight is what a look at a slot shows.
type sight int

const (
	unclear sight = iota // the module could not look
	away                 // there is no token, or one that is not initialised
	there
)

// lookAttempts is how often the module is asked who is in a slot, when it could not
// say.
const lookAttempts = 3

// While another program writes a token's file, which SoftHSM does at each login, and
// while another call reads it again, SoftHSM says CKR_GENERAL_ERROR of the token, as it
// does of one whose folder is gone, or shows it without its label, without its serial
// number, or as not initialised. That ends: so a token that was there is gone when
// SoftHSM has said so for lookTime, and lookTimes times. Time alone says nothing: on a
// busy machine it may be the time of one question.
const (
	lookTime  = 400 * time.Millisecond
	lookPause = 5 * time.Millisecond
	lookTimes = 10
)

// identify reads who the token in a slot is, and what else it says of itself.
func (m *module) identify(slot uint) (id Identity, info pkcs11.TokenInfo, s sight, err error) {
	began := time.Now()
	for times := 1; ; times++ {
		info, s, err = m.tokenInfo(slot)
		if s == there {
			var ok bool
			if id, ok = identityOf(info); !ok {
				s = away
			}
		}
		if !m.mayMisread(slot, id, s, err) || times >= lookTimes && time.Since(began) >= m.patience {
			return id, info, s, err
		}
		time.Sleep(lookPause)
	}
}

// mayMisread reports that what the module says of a slot may be no more than a moment
// in the life of the token that was there.
func (m *module) mayMisread(slot uint, id Identity, s sight, err error) bool {
	last, was := m.lastIn(slot)
	switch {
	case !m.softHSM || was != there:
		return false
	case s == away:
		return err == nil || is(err, pkcs11.CKR_GENERAL_ERROR)
	}
	return s == there && id.lacks(last)
}

// tokenInfo is what the token in a slot says of itself now.
func (m *module) tokenInfo(slot uint) (info pkcs11.TokenInfo, s sight, err error) {
	for range lookAttempts {
		if info, err = m.ctx.GetTokenInfo(slot); err == nil {
			return info, there, nil
		}
		for _, answer := range []pkcs11.Error{pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_SLOT_ID_INVALID, pkcs11.CKR_TOKEN_NOT_RECOGNIZED} {
			if is(err, answer) {
				return info, away, err
			}
		}
		if m.softHSM && is(err, pkcs11.CKR_GENERAL_ERROR) {
			return info, away, err
		}
	}
	return info, unclear, err
}
