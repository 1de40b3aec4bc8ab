package doctor

import "countersign/shared/fault"

// remedies says what to do about each error that a person may see from the bridge.
// bridge/README.md has the same table.
var remedies = map[fault.Code]string{
	fault.NotPaired:         `Connect the page anew: it pairs again. "pairings list" shows which pages are paired.`,
	fault.PairingRefused:    "The codes did not match, or you declined. Connect again, and approve only the code that the page shows.",
	fault.BridgeKeyChanged:  "Another program answers on the port, or link.key was lost. Find out which, before you pair again.",
	fault.OriginRefused:     "The page's address is not in the list: countersign-bridge origins add.",
	fault.SiteBlocked:       "You blocked this site at the prompt: countersign-bridge origins unblock.",
	fault.Version:           "Page and bridge speak different versions: update the older one.",
	fault.Busy:              "Too many questions wait already. Answer or close the open prompt.",
	fault.Limited:           "The site asks too often. Wait; or block it at the prompt.",
	fault.PromptUnavailable: "Install pinentry, or start the bridge in a terminal.",
	fault.Declined:          "You said no: nothing was signed.",
	fault.Cancelled:         "The request was withdrawn or the page went away: nothing was signed.",
	fault.Timeout:           "Nobody answered in time: ask again.",
	fault.DeviceMissing:     "Plug the token in. Its label must be the one in the URI.",
	fault.DeviceRemoved:     "Plug the token in again; no restart is needed.",
	fault.DeviceFailed:      "Pull the token and plug it in again. The number after ckr is the module's own: see PKCS #11.",
	fault.DeviceInUse:       "Another page uses the token: finish there, or close it.",
	fault.ModuleFailed:      "The token's driver crashed or hung and was started again. Try again; when it comes back, update the module.",
	fault.KeyMissing:        `The token has no such key: "keys list" shows what it has.`,
	fault.KeyUnsuited:       "The key is not the one in the certificate, or the token lacks what is named: use another token or curve.",
	fault.PINRequired:       "The token is locked: its PIN is asked for at the prompt.",
	fault.PINIncorrect:      "That was not the PIN. It is not tried again by itself.",
	fault.PINLocked:         "The token's administrator can unlock it with the SO PIN or PUK.",
	fault.JournalDown:       "Make room on the disk, and make sure that journal.log is there and yours. The bridge goes on by itself.",
	fault.LogCorrupt:        "Somebody changed the journal, or it was cut off. Keep the file as evidence and move it away: the bridge starts a new one.",
	fault.StatementInvalid:  "With field exp or nbf: set the clock. Else the page or the vault is of another version.",
	fault.SignatureInvalid:  "The token or the file does not belong to this identity.",
	fault.CertificateBad:    "Ask the vault's operator for a certificate of this signer.",
	fault.ChannelClosed:     "The connection to the vault ended: try again.",
	fault.RecordInvalid:     "Something between you and the vault changed a message. Try again; if it stays, tell the vault's operator.",
	fault.RecordReplayed:    "Something between you and the vault sent a message twice. Try again; if it stays, tell the vault's operator.",
	fault.Conflict:          "The state does not allow it any more: look again, then decide.",
	fault.RequestClosed:     "The request was approved, rejected or expired already.",
	fault.AlreadyApproved:   "You have approved this request already.",
}

// Remedy says what to do about an error; empty when the message says it all.
func Remedy(code fault.Code) string { return remedies[code] }
