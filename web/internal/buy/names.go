package buy

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// What a name can stand for, beside the kinds that are told (aboutAddress and the
// like).
const (
	aboutNetwork   = "network"
	aboutRecipient = "recipient" // who or what receives: a deposit address, but also a person or a product
	aboutPayment   = "payment"   // a verb or a noun of paying: an amount when it has a number
	beside         = "-"         // something beside the purchase
)

// The words of names, by what they say.
const (
	besideWords  = "fee min max minimum maximum limit discount tax vat tip rate bonus coupon voucher promo nanos percent pct decimals precision count " + pictureWords
	pictureWords = "icon logo image img picture avatar banner favicon"
	// aside are words of names that are about something else than a deposit address,
	// whatever stands beside them.
	aside = "email mail ip billing home shipping mailing delivery company office legal residence residential contact street postal postcode post city state zip region return redirect url uri id ids name number holder type tag memo note extra label " +
		"signature provider brand version connect hash kit theme country format app line page bank host domain origin site website referrer referer message text title"
	idWords        = "id ids name type label display format position style side mode"
	amountWords    = "amount amt sum total qty quantity volume spend subtotal"
	networkWords   = "network chain chainid blockchain nw ntw nwk"
	assetWords     = "currency cryptocurrency crypto coin asset ticker symbol fiat pair ccy"
	addressWords   = "address addr adress"
	receiverWords  = "recipient receiver beneficiary payee destination dest dst payout cashout withdrawal sink recv rcpt"
	recipientWords = receiverWords + " wallet vault custody target owner"
	paymentWords   = "pay payment price deposit send charge topup purchase invest fund buy sell receive give due payable worth bill donate invoice credit checkout spending transfer withdraw paid get"
	// beside a word of paying, these leave it what it is.
	paymentBeside = assetWords + " the my you we default preset initial fixed fix exact base quote up in out total value to final order item cart"
	switchWords   = "disable disabled skip hide hidden lock locked fix fixed show allow enable enabled edit editable is has can no readonly required default only verified confirm confirmed confirmation verification freeze frozen"
	// a name that ends in one of these is of something about what stands before it.
	attributeWords = "step source group locale timeout feed flow mode"
	excludeWords   = "exclude excluded except hide hidden disable disabled unsupported blocked"
	listWords      = "list supported available allowed enabled accepted only show option choice"
	opaqueWords    = "key apikey fingerprint rid etag commit build integrity click clickid device token session sessionid sid signature sig hash hmac digest nonce state id uuid guid ref reference code secret auth jwt csrf trace s h k t request order tx transaction partner merchant client user customer timestamp ts time exp iat expires checksum mac verifier challenge visitor static gclid fbclid msclkid"
	freeWords      = "lang language locale theme country residency region state city mode method payment platform utm source medium campaign referrer referral provider brand name title description text sort order filter scope color colour font email " +
		"tab view page step experiment logo image affiliate screen section panel menu nav category host domain origin site message label"
	otherWords = "coinbase grand from user api logo link partner billing host wallet to on deposit pay color data json account acct value val cost budget cents minor wei units tokens contract mint only list rail protocol layer standard evm rollup"
)

// kindOf is what a parameter of this name stands for; empty when nothing here
// knows.
func kindOf(w []string) string {
	switch {
	case len(w) > 1 && anyOf(w[len(w)-1:], attributeWords), elsewise(w):
		return ""
	case anyOf(w, amountWords+" limit") && anyOf(w, "available remaining daily weekly monthly yearly kyc threshold"), anyOf(w, assetWords) && anyOf(w[len(w)-1:], "digit place exponent unit") && !anyOf(w, amountWords):
		return beside
	case anyOf(w, besideWords) || anyOf(w, assetWords+" "+networkWords) && anyOf(w, excludeWords):
		return beside
	case anyOf(w, networkWords) && anyOf(w, "id ids name"):
		return aboutNetwork
	case len(w) > 0 && anyOf(w[len(w)-1:], amountWords): // displayAmount
		return aboutAmount
	case anyOf(w, idWords): // of one, and not its value
		if anyOf(w, addressWords) && !anyOf(w, aside) {
			return aboutAddress
		} else if anyOf(w, receiverWords) && anyOf(w, "id ids") {
			return aboutRecipient
		}
		return ""
	case anyOf(w, amountWords):
		return aboutAmount
	case anyOf(w, networkWords):
		return aboutNetwork
	case anyOf(w, assetWords) && !(anyOf(w, paymentWords) && pays(w)):
		if anyOf(w, addressWords+" contract") {
			return aboutAddress
		} else if anyOf(w[len(w)-1:], recipientWords) { // cryptoWallet, but destinationCurrency
			return aboutRecipient
		}
		return aboutAsset
	case anyOf(w, aside):
		return ""
	case anyOf(w, addressWords):
		return aboutAddress
	case anyOf(w, recipientWords) || anyOf(w, "account acct") && !opaque(w) || len(w) > 0 && w[len(w)-1] == "to":
		return aboutRecipient
	case pays(w):
		return aboutPayment
	}
	return ""
}

// elsewise reports whether the words for a part of a purchase say something else here:
// assetsBaseUrl, coinbaseSession, socialNetwork, totalPages.
func elsewise(w []string) bool {
	return len(w) > 1 && (anyOf(w, assetWords) && anyOf(w[len(w)-1:], webWords) ||
		anyOf(w, networkWords) && anyOf(w[len(w)-1:], "url uri env environment") ||
		anyOf(w, networkWords) && anyOf(w, "ad adjust social card affiliate wifi") ||
		anyOf(w, "total") && anyOf(w, "page step result record row slide question"))
}

// webWords are those of files, programs and their addresses.
const webWords = "url uri version prefix path host cdn root dir hash manifest bundle session callback flag"

// pays reports whether a name says that something is paid, and nothing else.
func pays(w []string) bool {
	return anyOf(w, paymentWords) && !slices.ContainsFunc(w, func(one string) bool {
		return !anyOf([]string{one}, paymentWords+" "+paymentBeside) && !codes()[one] && strings.Trim(one, "0123456789") != ""
	})
}

// flags reports whether a parameter is a switch about something, not its value.
func flags(w []string, value string) bool {
	return slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "0", "1"}, strings.ToLower(value)) && anyOf(w, switchWords)
}

// opaque reports whether a parameter holds what is random or computed.
func opaque(w []string) bool { return anyOf(w, opaqueWords) }

// free reports whether a parameter holds words of other vocabularies.
func free(w []string) bool { return !anyOf(w, assetWords) && anyOf(w, freeWords) }

// lists reports whether a parameter is called for more than one.
func lists(w []string) bool {
	return anyOf(w, listWords) || slices.ContainsFunc(w, func(one string) bool { return singular(one) != one })
}

// anyOf reports whether one of the words, or its singular, is in a list.
func anyOf(w []string, list string) bool {
	all := wordSet(list)
	return slices.ContainsFunc(w, func(one string) bool { return all[one] || all[singular(one)] })
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

// maxName is how much of a name is looked at, its end: no page looks for a longer one.
const maxName = 256

// words splits a name: walletAddresses, wallet-addresses and WALLET_ADDRESSES alike.
func words(name string) []string {
	name = name[max(0, len(name)-maxName):]
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
	var apart []string
	for _, word := range all {
		for _, part := range split(word, vocabulary(), 2) {
			apart = append(apart, spelled(part))
		}
	}
	return apart
}

// often are the words that are abbreviated or misspelled.
const often = "amount quantity total network blockchain currency asset address wallet recipient receiver beneficiary destination account"

// spelled is the word that is abbreviated to its consonants (amnt, ntwk, wllt), or that
// lacks a letter or has two exchanged (addres, reciever); and any other word as it is.
func spelled(word string) string {
	if len(word) < 4 || vocabulary()[word] {
		return word
	}
	consonants := !strings.ContainsAny(word[1:], "aeiou")
	for _, whole := range strings.Fields(often) {
		if word[0] != whole[0] {
			continue
		}
		if consonants && word[len(word)-1] == whole[len(whole)-1] && 2*len(word) >= len(whole) && within(word, whole) || len(word) > 4 && slip(word, whole) {
			return whole
		}
	}
	return word
}

// within reports whether the letters of a word stand in another in their order.
func within(word, whole string) bool {
	for i := 0; i < len(whole) && word != ""; i++ {
		if word[0] == whole[i] {
			word = word[1:]
		}
	}
	return word == ""
}

// slip reports whether a word is another without one of its letters, or with two
// neighbours exchanged.
func slip(word, whole string) bool {
	i := 0
	for i < len(word) && i < len(whole) && word[i] == whole[i] {
		i++
	}
	return i < len(whole) && (word[i:] == whole[i+1:] ||
		len(word) == len(whole) && i+2 <= len(word) && word[i] == whole[i+1] && word[i+1] == whole[i] && word[i+2:] == whole[i+2:])
}

// vocabulary are the words that names are made of.
var vocabulary = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, list := range []string{besideWords, aside, idWords, amountWords, networkWords, assetWords, recipientWords, addressWords, paymentWords, paymentBeside, switchWords, attributeWords, excludeWords, listWords, opaqueWords, freeWords, otherWords, saleWords, purchaseWords} {
		for _, word := range strings.Fields(list) {
			all[word] = true
		}
	}
	return all
})

// split takes apart what is written together, walletaddress and address2, when
// every part is a word of the vocabulary of at least so many letters; otherwise the
// text stays whole.
func split(text string, vocabulary map[string]bool, least int) []string {
	digits := len(text) - len(strings.TrimRight(text, "0123456789"))
	if vocabulary[text] || len(text) > 40 {
		return []string{text}
	}
	if whole := text[:len(text)-digits]; digits > 0 {
		if parts := apart(whole, vocabulary, least); parts != nil {
			return append(parts, text[len(whole):])
		}
	} else if parts := apart(text, vocabulary, least); parts != nil {
		return parts
	}
	return []string{text}
}

// apart cuts a text into words of the vocabulary, the longest first; nil when there
// is no way.
func apart(text string, vocabulary map[string]bool, least int) (all []string) {
	ends := make([]int, len(text)+1) // of the word that begins there, when the rest can be cut as well
	for from := len(text) - least; from >= 0; from-- {
		for to := len(text); to >= from+least; to-- {
			if word := text[from:to]; (to == len(text) || ends[to] > 0) && (vocabulary[word] || vocabulary[singular(word)]) {
				ends[from] = to
				break
			}
		}
	}
	for from := 0; ends[from] > 0; from = ends[from] {
		all = append(all, text[from:ends[from]])
	}
	return all
}
