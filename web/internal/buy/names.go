package buy

import (
	"slices"
	"strings"
	"unicode"
)

const (
	aboutNetwork = "network"
	beside       = "-" // something beside the purchase
)

// aside are words of names that are about something else than a deposit address,
// whatever stands beside them.
const aside = "email mail ip billing home shipping street postal residential city return redirect url uri id ids name type tag memo note label " +
	"signature provider brand version connect hash kit theme country format app line page"

const assetWords = "currency cryptocurrency crypto coin asset ticker symbol fiat pair ccy"

// kindOf is what a parameter of this name stands for; empty when nothing here
// knows.
func kindOf(w []string) string {
	all := strings.Join(w, "")
	switch {
	case anyOf(w, "fee min max minimum maximum limit discount tax tip rate bonus coupon percent pct decimals precision icon count"):
		return beside
	case anyOf(w, "chain network") && anyOf(w, "id ids name"):
		return aboutNetwork
	case anyOf(w, "id ids name type label display format position style side mode"): // of one, and not its value
		if anyOf(w, "address") && !anyOf(w, aside) {
			return aboutAddress
		}
		return ""
	case anyOf(w, "amount amt sum total qty quantity volume spend") || strings.Contains(all, "amount"):
		return aboutAmount
	case anyOf(w, "network chain chainid blockchain") || strings.Contains(all, "network") || strings.Contains(all, "blockchain"):
		return aboutNetwork
	case anyOf(w, assetWords) || strings.Contains(all, "currency"):
		if anyOf(w, "address contract") {
			return aboutAddress
		}
		return aboutAsset
	case anyOf(w, aside) || slices.ContainsFunc(strings.Fields("email mail ip billing home shipping street postal"), func(p string) bool {
		return strings.HasPrefix(all, p+"address")
	}):
		return ""
	case anyOf(w, "address wallet addr recipient receiver beneficiary payee destination dest payout") || strings.Contains(all, "walletaddress") || strings.HasSuffix(all, "addr") ||
		hasWord("userwallet payoutwallet depositwallet cryptowallet targetwallet customerwallet", singular(all)) || strings.Contains(all, "address") && len(w) == 1:
		return aboutAddress
	}
	return ""
}

// flags reports whether a parameter is a switch about something, not its value.
func flags(name string, w []string, value string) bool {
	on := slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "0", "1"}, strings.ToLower(value))
	if !on {
		return false
	}
	if anyOf(w, "disable disabled skip hide hidden lock locked fix fixed show allow enable enabled edit editable is has can no readonly required default only") {
		return true
	}
	lower := strings.ToLower(name)
	return slices.ContainsFunc(strings.Fields("disable skip hide lock fixed show allow enable edit readonly"), func(p string) bool { return strings.HasPrefix(lower, p) })
}

// opaque reports whether a parameter holds what is random or computed.
func opaque(w []string) bool {
	return anyOf(w, "key apikey fingerprint rid etag commit build integrity click clickid device token session sessionid sid signature sig hash hmac digest nonce state id uuid guid ref reference code secret auth jwt csrf trace s h k t request order tx transaction partner merchant client user customer timestamp ts time exp iat expires checksum mac verifier challenge")
}

// free reports whether a parameter holds words of other vocabularies.
func free(w []string) bool {
	return !anyOf(w, assetWords) && anyOf(w, "lang language locale theme country residency region state city mode method payment platform utm source medium campaign referrer referral provider brand name title description text sort order filter scope color colour font email")
}

// anyOf reports whether one of the words, or its singular, is in a list.
func anyOf(w []string, list string) bool {
	return slices.ContainsFunc(w, func(one string) bool { return hasWord(list, one) || hasWord(list, singular(one)) })
}

// singular is the singular of an English plural, and any other word as it is.
func singular(word string) string {
	switch {
	case len(word) < 4 || strings.HasSuffix(word, "ss"):
		return word
	case strings.HasSuffix(word, "ies"):
		return word[:len(word)-3] + "y"
	case strings.HasSuffix(word, "sses") || strings.HasSuffix(word, "shes") || strings.HasSuffix(word, "ches") || strings.HasSuffix(word, "xes"):
		return word[:len(word)-2]
	}
	return strings.TrimSuffix(word, "s")
}

// words splits a name: walletAddresses, wallet-addresses and WALLET_ADDRESSES alike.
func words(name string) []string {
	var all []string
	start := 0
	runes := []rune(name)
	flush := func(end int) {
		if end > start {
			all = append(all, strings.ToLower(string(runes[start:end])))
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush(i)
			start = i
		}
	}
	flush(len(runes))
	return all
}
