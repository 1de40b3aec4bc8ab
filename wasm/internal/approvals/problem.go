package approvals

import (
	"cmp"

	"countersign/shared/fault"
)

// Remedy is what one click does about a problem.
type Remedy string

// The remedies. Empty: nothing to click.
const (
	Retry     Remedy = "retry"   // the same again
	Refresh   Remedy = "refresh" // show the current state
	Reconnect Remedy = "connect" // try the bridge again
	Requote   Remedy = "requote" // ask for new prices
	Reload    Remedy = "reload"  // load the page again
	Forget    Remedy = "forget"  // forget the bridge's key and pair again
)

// Problem is an error as a person reads it: what happened, what was not done,
// what to do.
type Problem struct {
	Title  string // what happened
	Safe   string // what was not done
	Do     string // what to do
	Remedy Remedy
	Code   fault.Code
	Calm   bool // a normal outcome, not an error
}

// Unknown is the detail of an error that leaves open whether the decision was
// recorded.
const Unknown = "unknown"

// Explain is the one switch from codes to sentences. Codes whose message from
// the other party says more than a fixed sentence keep that message as the title.
func Explain(err *fault.Error) Problem {
	p := explain(err)
	p.Code = err.Code
	return p
}

const (
	nothingSigned = "Nothing was signed."
	unchanged     = "Nothing was changed."
)

func explain(err *fault.Error) Problem {
	if err.Details[Unknown] != "" {
		return Problem{Title: "The signer's answer was lost.", Safe: "Your decision may have been recorded: this page shows it in a moment if so.", Do: "If it does not appear, decide again; a member counts once.", Remedy: Refresh}
	}
	switch err.Code {
	case fault.Declined:
		return Problem{Title: "You declined in the bridge's prompt.", Safe: nothingSigned + " The request still waits.", Do: "Decide again when you are ready.", Remedy: Retry, Calm: true}
	case fault.Cancelled:
		return Problem{Title: "Cancelled.", Safe: nothingSigned, Do: "Start again when you are ready.", Remedy: Retry, Calm: true}
	case fault.PINIncorrect:
		return Problem{Title: "The PIN was not right." + tries(err.Details["tries_left"]), Safe: nothingSigned, Do: "Try again and take your time: the device locks after too many wrong PINs.", Remedy: Retry}
	case fault.PINLocked:
		return Problem{Title: "The device has locked its PIN.", Safe: nothingSigned, Do: "Its administrator unlocks it with the SO PIN. Another approver may decide meanwhile."}
	case fault.PINRequired:
		return Problem{Title: "The device is locked.", Safe: nothingSigned, Do: "Try again and type the PIN where the bridge asks for it.", Remedy: Retry}
	case fault.DeviceRemoved, fault.DeviceMissing:
		return Problem{Title: "The device is not plugged in.", Safe: nothingSigned, Do: "Plug it in, then try again.", Remedy: Retry}
	case fault.DeviceFailed:
		return Problem{Title: "The device reported an error.", Safe: nothingSigned, Do: "The bridge says: " + cmp.Or(err.Message, "nothing more") + ". countersign-bridge doctor says what to do.", Remedy: Retry}
	case fault.ModuleFailed:
		return Problem{Title: "The device's driver failed and was started again.", Safe: "No signature left the bridge.", Do: "Try again. If it happens again, run countersign-bridge doctor.", Remedy: Retry}
	case fault.DeviceInUse:
		return Problem{Title: cmp.Or(err.Details["holder"], "Another page") + " uses the device.", Safe: nothingSigned, Do: "Finish or close that page, then try again.", Remedy: Retry, Calm: true}
	case fault.SiteBlocked:
		return Problem{Title: "This site is blocked at the bridge.", Safe: nothingSigned, Do: "You blocked it in the bridge's prompt. To allow it again: countersign-bridge origins unblock."}
	case fault.JournalDown:
		return Problem{Title: "The bridge cannot write its journal.", Safe: nothingSigned, Do: "Check whether the disk is full. The bridge uses no key that it cannot account for."}
	case fault.KeyMissing, fault.KeyUnsuited:
		return Problem{Title: "The key for approvals is not on this device.", Safe: nothingSigned, Do: "Choose the device that holds it, or run countersign-bridge doctor.", Remedy: Retry}
	case fault.PromptUnavailable:
		return Problem{Title: "The bridge has no place to ask you.", Safe: nothingSigned, Do: "Start the bridge from a terminal or install pinentry, then try again.", Remedy: Retry}
	case fault.Busy:
		return Problem{Title: "The bridge is asking something else.", Safe: nothingSigned, Do: "Answer the prompt that is open, then try again.", Remedy: Retry}
	case fault.NotPaired:
		return Problem{Title: "This page and the bridge do not know each other yet.", Safe: nothingSigned, Do: "Connect and compare the six digits.", Remedy: Reconnect}
	case fault.PairingRefused:
		return Problem{Title: "The pairing was declined in the bridge's prompt.", Safe: "The bridge will do nothing for this page.", Do: "If the two codes were the same, connect again. If they differed, stop: something sits between this page and the bridge.", Remedy: Reconnect, Calm: true}
	case fault.BridgeKeyChanged:
		return Problem{Title: "Another program answers in the bridge's place.", Safe: "The page told it nothing.", Do: "If you reinstalled the bridge yourself, pair again. If not, stop and tell your administrator.", Remedy: Forget}
	case fault.OriginRefused:
		return Problem{Title: "The bridge does not accept this address.", Safe: nothingSigned, Do: "Add this page's address to “origins” in the bridge's configuration."}
	case fault.Version:
		return Problem{Title: "The bridge speaks another version.", Safe: nothingSigned, Do: "Update the older of the two: reload this page, or install the current bridge.", Remedy: Reload}
	case fault.StatementInvalid:
		return Problem{Title: "The statement is not what it should be.", Safe: "The bridge refused to sign it.", Do: "Do not approve this request another way. Show your administrator the code below."}
	case fault.IntentUnsupported:
		return Problem{Title: "The bridge does not know this kind of request.", Safe: nothingSigned, Do: "Install the current bridge, then try again."}
	case fault.NotSupported:
		return Problem{Title: "The vault does not carry out this kind of request yet.", Safe: unchanged, Do: "It stays approved until its approval ends."}
	case fault.SignatureInvalid, fault.CertificateBad:
		return Problem{Title: "The signer did not accept the signature.", Safe: "The approval does not count.", Do: "Your certificate may have expired. Ask your administrator to check it."}
	case fault.ChannelClosed, fault.RecordInvalid, fault.RecordReplayed:
		return Problem{Title: "The connection between bridge and signer broke.", Safe: "If you had already confirmed, the request's history below shows whether it counted.", Do: "Try again: a new connection is opened.", Remedy: Retry}
	case fault.AlreadyApproved:
		return Problem{Title: "You have already decided on this request.", Safe: "A member counts once.", Do: "It waits for another approver.", Remedy: Refresh, Calm: true}
	case fault.RequestClosed:
		return Problem{Title: "This request is closed.", Safe: unchanged, Do: "Its history shows how it ended.", Remedy: Refresh, Calm: true}
	case fault.Denied:
		return Problem{Title: say(err, "The rules do not allow this."), Safe: unchanged, Do: "The rule of the account says who may decide."}
	case fault.EntityUnknown:
		return Problem{Title: "The signer does not know this entity.", Safe: unchanged, Do: "Ask your administrator to enrol it."}
	case fault.SignerDown:
		return Problem{Title: "The signer does not answer.", Safe: "No approval was recorded.", Do: "The request is kept. Try again in a moment.", Remedy: Retry}
	case fault.LogCorrupt:
		return Problem{Title: "The signer found its log changed and stopped.", Safe: "No key of the vault is used.", Do: "Tell your administrator now."}
	}
	return explainGateway(err)
}

func explainGateway(err *fault.Error) Problem {
	switch err.Code {
	case fault.QuoteExpired:
		return Problem{Title: "This price has expired.", Safe: "Nothing was requested or paid.", Do: "Ask for new prices; what you typed is still here.", Remedy: Requote, Calm: true}
	case fault.QuoteChanged:
		return Problem{Title: "The price has changed.", Safe: "Nothing was paid.", Do: "It is now worse than what was approved. Ask for new prices and a new approval.", Remedy: Requote, Calm: true}
	case fault.ApprovalLapsed:
		return Problem{Title: "The approval has ended.", Safe: "Nothing was paid.", Do: "It was not used in time. Ask for new prices and a new approval.", Remedy: Requote, Calm: true}
	case fault.DepositSeen:
		return Problem{Title: "A deposit was seen already.", Safe: "Nothing was paid now.", Do: "Paying now would be paying a second time. The order asks whether you want that.", Remedy: Refresh, Calm: true}
	case fault.NotEligible:
		return Problem{Title: say(err, "No provider can serve this."), Safe: "Nothing was requested.", Do: say2(err, "Change the amount, the country or the payment method.")}
	case fault.TicketSpent:
		return Problem{Title: "This link was already used.", Safe: "Nothing was paid twice.", Do: "Continue to the provider once more to get a fresh link.", Remedy: Retry, Calm: true}
	case fault.Provider:
		return Problem{Title: "The provider does not answer.", Safe: "Nothing was paid.", Do: "Try again in a moment, or choose another provider.", Remedy: Retry}
	case fault.Unauthenticated, fault.InvalidAPIKey:
		return Problem{Title: "You are signed out.", Safe: unchanged, Do: "Sign in again. What you typed is kept.", Remedy: Reload}
	case fault.Forbidden, fault.EntityContext:
		return Problem{Title: "You may not do this.", Safe: unchanged, Do: "Ask an administrator of the entity."}
	case fault.NotFound:
		return Problem{Title: "This does not exist.", Safe: unchanged, Do: "It may belong to another entity."}
	case fault.Conflict, fault.Idempotency:
		return Problem{Title: say(err, "This has changed meanwhile."), Safe: unchanged, Do: "Look at its current state, then decide again.", Remedy: Refresh}
	case fault.Limited:
		return Problem{Title: "Too many requests in a short time.", Safe: unchanged, Do: "Wait a minute, then try again.", Remedy: Retry}
	case fault.Unavailable, fault.Timeout:
		return Problem{Title: "The gateway does not answer.", Safe: "Requests, approvals and orders are kept.", Do: "The page tries again by itself.", Remedy: Retry}
	case fault.Invalid, fault.Method, fault.MediaType, fault.TooLarge:
		return Problem{Title: say(err, "The gateway did not accept this."), Safe: unchanged, Do: "Correct it and try again."}
	case fault.Internal:
		return Problem{Title: "Something went wrong on our side.", Safe: "What you see may be out of date.", Do: "Try again. If it happens again, report the code below.", Remedy: Retry}
	}
	return Problem{Title: say(err, "Something went wrong."), Safe: unchanged, Do: "Try again.", Remedy: Retry}
}

func say(err *fault.Error, otherwise string) string {
	if err.Message != "" {
		return sentence(err.Message)
	}
	return otherwise
}

func say2(err *fault.Error, otherwise string) string {
	if fix := err.Details["fix"]; fix != "" {
		return sentence(fix)
	}
	return otherwise
}

// sentence writes a public message as a sentence.
func sentence(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	if r[0] >= 'a' && r[0] <= 'z' {
		r[0] -= 'a' - 'A'
	}
	if last := r[len(r)-1]; last != '.' && last != '!' && last != '?' {
		r = append(r, '.')
	}
	return string(r)
}

func tries(left string) string {
	switch left {
	case "":
		return ""
	case "1":
		return " One try is left."
	}
	return " " + left + " tries are left."
}
