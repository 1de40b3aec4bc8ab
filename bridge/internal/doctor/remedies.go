package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"countersign/bridge/internal/device"
	"countersign/shared/fault"
)

// Class says where the cause of an error is.
type Class string

// The classes.
const (
	User      Class = "user"      // what the person did, or did not
	Device    Class = "device"    // token, reader or module
	Policy    Class = "policy"    // a rule, a list or a state forbids it
	Transport Class = "transport" // something on the way
	Internal  Class = "internal"  // this computer's disk or clock, or a mistake of ours
)

// Advice is what a person should know about an error. bridge/README.md has the
// same table.
type Advice struct {
	Class     Class
	Retriable bool // the same may work when it is tried again, after the remedy
	Remedy    string
}

// catalogue has each error that a person may see from the bridge.
var catalogue = map[fault.Code]Advice{
	fault.NotPaired:         {Policy, true, `Connect the page again: it makes a new pairing. "pairings list" shows which pages are paired.`},
	fault.PairingRefused:    {User, true, "The codes did not match, or you declined. Connect again, and approve only the code that the page shows."},
	fault.BridgeKeyChanged:  {Policy, false, "Another program answers on the port, or link.key was lost. Find out which, before you pair again."},
	fault.OriginRefused:     {Policy, false, "The page's address is not in the list: countersign-bridge origins add."},
	fault.SiteBlocked:       {Policy, false, "You blocked this site at the prompt: countersign-bridge origins unblock."},
	fault.Version:           {Transport, false, "Page and bridge speak different versions: update the older one."},
	fault.Busy:              {Policy, true, "Too many questions wait already. Answer or close the open prompt."},
	fault.Limited:           {Policy, true, "The site asks too often. Wait; or block it at the prompt."},
	fault.PromptUnavailable: {User, false, "Install a pinentry that works, or start the bridge in a terminal and keep it in the foreground. When it is a service, start it again from your desktop: systemctl --user restart countersign-bridge"},
	fault.Declined:          {User, true, "You said no: nothing was signed."},
	fault.Cancelled:         {User, true, "The request was withdrawn or the page went away: nothing was signed."},
	fault.Timeout:           {User, true, "The prompt was not answered in time: ask again."},
	fault.DeviceMissing:     {Device, true, "Plug the token in. Its label must be the one in the URI."},
	fault.DeviceRemoved:     {Device, true, "Plug the token in again; no restart is needed."},
	fault.DeviceFailed:      {Device, true, "Do what the table of return values below says for the number in the message. Numbers from 0x80000000 up are the maker's own."},
	fault.DeviceInUse:       {Device, true, "Another page uses the token: finish there, or close it."},
	fault.ModuleFailed:      {Device, true, "The token's driver crashed or hung and was started again. Try again; when it comes back, update the module."},
	fault.KeyMissing:        {Device, false, `The token has no such key: "keys list" shows what it has.`},
	fault.KeyUnsuited:       {Device, false, "The key is not the one in the certificate, or the token lacks what is named: use another token or curve."},
	fault.PINRequired:       {User, true, "The token is locked: its PIN is asked for at the prompt."},
	fault.PINIncorrect:      {User, true, "That was not the PIN. It is not tried again by itself."},
	fault.PINLocked:         {Device, false, "The token's administrator can unlock it with the SO PIN or PUK."},
	fault.JournalDown:       {Internal, true, "Make room on the disk, and make sure that journal.log is there and yours. The bridge goes on by itself."},
	fault.LogCorrupt:        {Internal, false, "The journal was changed or cut off. Keep the file as evidence and move it away: the bridge starts a new one."},
	fault.IntentUnsupported: {Policy, false, "The vault asks for something that this bridge does not know yet: install a newer bridge."},
	fault.NotSupported:      {Policy, false, "The vault does not carry out this kind of request yet: its operator can install a newer signer."},
	fault.StatementInvalid:  {Policy, false, "With field exp or nbf: set the clock. Else the page or the vault is of another version."},
	fault.SignatureInvalid:  {Policy, false, "The token or the file does not belong to this identity."},
	fault.CertificateBad:    {Policy, false, "Ask the vault's operator for a certificate of this signer."},
	fault.ChannelClosed:     {Transport, true, "The connection to the vault ended: try again."},
	fault.RecordInvalid:     {Transport, true, "Something between you and the vault changed a message. Try again; if it stays, tell the vault's operator."},
	fault.RecordReplayed:    {Transport, true, "Something between you and the vault sent a message twice. Try again; if it stays, tell the vault's operator."},
	fault.Conflict:          {Policy, false, "The state does not allow it any more: look again, then decide."},
	fault.RequestClosed:     {Policy, false, "The request was approved, rejected or expired already."},
	fault.AlreadyApproved:   {Policy, false, "You have approved this request already."},
}

// Advise says what to do about an error; nothing when the message says it all.
func Advise(code fault.Code) Advice { return catalogue[code] }

// Remedy is the remedy of [Advise].
func Remedy(code fault.Code) string { return catalogue[code].Remedy }

// RemedyFor says what to do about an error: of a return value of the token's module,
// the remedy for that.
func RemedyFor(err error) string {
	f, ok := fault.As(err)
	if !ok {
		return ""
	}
	if f.Code == fault.DeviceFailed && f.Details["ckr"] == generalError && inFiles(f.Details["module"]) {
		return "SoftHSM cannot read its configuration or its tokens: " + whereFiles() + " Those of the system are for the system's services; make a token of your own as the README says, and set SOFTHSM2_CONF in each shell, also in the bridge's."
	}
	if rv, err := strconv.ParseUint(f.Details["ckr"], 0, 64); err == nil && f.Code == fault.DeviceFailed {
		if remedy, ok := returns[uint(rv)]; ok {
			return remedy
		}
	}
	if f.Code == fault.DeviceFailed && f.Details["module"] != "" {
		return moduleRemedy
	}
	var empty *device.Empty
	if errors.As(err, &empty) {
		i := slices.IndexFunc(empty.Modules, inFiles)
		switch {
		case i < 0 && empty.All:
			return plugIn(empty.Modules[0])
		case i >= 0 && empty.All && len(empty.Modules) == 1:
			return plugIn(empty.Modules[i])
		case i >= 0:
			return Remedy(f.Code) + " When it is one in files: " + plugIn(empty.Modules[i])
		}
	}
	return Remedy(f.Code)
}

// inFiles reports whether a module's tokens are files: SoftHSM.
func inFiles(module string) bool {
	return strings.Contains(strings.ToLower(filepath.Base(module)), "softhsm")
}

// plugIn says how a module that shows no token comes to show one. SoftHSM reads where
// its tokens are from a file, which another shell may not name.
func plugIn(module string) string {
	if !inFiles(module) {
		return "Plug the token in. Smart cards need pcscd: systemctl status pcscd"
	}
	return whereFiles() + " Set it as it is where the bridge was started."
}

// whereFiles says where SoftHSM looks for its tokens.
func whereFiles() string {
	named := "is not set here, so that the system's own is read"
	if file := os.Getenv("SOFTHSM2_CONF"); file != "" {
		named = "is " + file + " here"
	}
	return "SoftHSM's tokens are where the file says that SOFTHSM2_CONF names: it " + named + "."
}

// generalError is what SoftHSM returns, and nothing else, when it cannot read its files.
const generalError = "0x5"

// moduleRemedy is for a module that cannot be loaded.
const moduleRemedy = `Install the token's PKCS#11 module, for this computer's architecture and with the libraries that it needs, or correct its path in "modules".`

// makersTool is how people find the program that changes what the bridge does not.
const makersTool = "its maker's tool (YubiKey: ykman; Nitrokey: nitropy; smart cards with OpenSC: pkcs11-tool, pkcs15-tool; SoftHSM: softhsm2-util; others: the maker's manual)"

// returns has a remedy for each return value of a module that people meet, by its
// number (PKCS #11 v2.40 §5.1). bridge/README.md has the same table.
var returns = map[uint]string{
	0x2:   "Close other programs, then try again.",
	0x5:   "Try again. If the error stays, look at the log of the token's service (pcscd), and update the module.",
	0x6:   "Try again. If the error stays, update the module, or ask its maker.",
	0x30:  "Pull the token and plug it in again, into another USB port if the error stays.",
	0x31:  "Remove keys or certificates that are no longer needed, with keys delete or " + makersTool + ".",
	0x54:  "Use another token, or do it with " + makersTool + ".",
	0x70:  "Use another token or curve: doctor says which mechanisms it has.",
	0x71:  "Use another token: doctor says which mechanisms it has.",
	0x90:  "Try again. If the error stays, start the bridge again and close other programs that use the token.",
	0xa3:  "Set a new PIN with " + makersTool + ", then try again.",
	0xb1:  "Close other programs that use the token, then try again.",
	0xb5:  "The bridge cannot change this token: make or delete its keys with " + makersTool + ".",
	0xb8:  "Log the security officer out in the program that uses the token, then try again.",
	0xe1:  "The token does not belong to this module, or is not initialised: name the right module, or initialise it with " + makersTool + ".",
	0xe2:  "Move its switch, or take it out of the read-only mode with " + makersTool + ".",
	0x102: "Set its PIN with " + makersTool + ", then try again.",
	0x103: "The module is not made for this: use the one that the token's maker names.",
	0x104: "Log the security officer out in the program that uses the token, then try again.",
	0x105: "Close other programs that use the token, then try again.",
	0x130: "Use another --curve, or another token.",
	0x140: "Use another --curve, or another token.",
	0x190: "Try again. If the error stays, start the bridge again.",
	0x191: "List each module once in the configuration, also where two paths lead to it, and start the bridge again.",
	0x9:   "Update the module, or use another one for this token.",
	0xa:   "Update the module, or use another one for this token.",
	0x200: "Touch the token when it blinks, then try again.",
}
