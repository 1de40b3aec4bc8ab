package buy

import (
	"slices"
	"strings"
	"unicode"

	"countersign/shared/quote"
)

// capitals are words that are written in capitals and are not ids.
const capitals = "metamask ledger trezor walletconnect coinbase phantom rainbow external internal personal business individual company corporate default hosted custodial self " +
	"wallet account crypto bank none null true false merchant customer user treasury main primary vault"

// human reports whether a value under a name for who receives is a word or a name
// for people: Alice Martin, metamask, Jean-Luc, main 2. An id, a handle, or a word in
// capitals that nothing here knows is none.
func human(value string, w []string) bool {
	if value == "" {
		return !anyOf(w, recipientWords)
	}
	if lists(w) && strings.ContainsAny(value, "|,;") { // metamask|walletconnect
		return !slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("|,;", r) }), func(one string) bool { return !human(one, nil) })
	}
	if len(w) == 1 && w[0] == "target" && value[0] == '#' { // an element of the page
		return true
	}
	value = strings.TrimFunc(value, func(r rune) bool { return unicode.Is(unicode.So, r) || unicode.IsSpace(r) }) // a picture before a name
	between, spaced := " -_'’.,&()", strings.Contains(value, " ")
	if spaced {
		between += ":/"
	}
	all := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(between, r) })
	if isTo(w) {
		return !shouted(all)
	}
	if anyOf(w, "id ids") || strings.ContainsFunc(value, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(between, r)
	}) {
		return false
	}
	if before, behind, found := strings.Cut(value, "."); found && before != "" && behind != "" && behind[0] != ' ' && !spaced && !anyOf(w, "wallet account acct") {
		return false // a name of a name service
	}
	if len(all) > 8 || len(all) > 3 && !strings.Contains(value, " ") { // rrkah-fqaaa-aaaaa-aaaaq-cai
		return false
	}
	return !shouted(all) && !slices.ContainsFunc(all, func(part string) bool {
		letters := strings.TrimFunc(part, unicode.IsDigit)
		return len(part)-len(letters) > 2 || len([]rune(letters)) > 20 || strings.ContainsFunc(letters, unicode.IsDigit)
	})
}

// shouted reports whether a value is one word in capitals that nothing here knows: OTHER.
func shouted(all []string) bool {
	return len(all) == 1 && len(all[0]) >= 4 && all[0] == strings.ToUpper(all[0]) && all[0] != strings.ToLower(all[0]) && !hasWord(capitals, strings.ToLower(all[0]))
}

// deposited reports whether a deposit is to somewhere, and neither an amount nor a
// word: 0x…, OTHER, but not SEPA.
func deposited(value string) bool {
	_, prefixed := cutFold(value, "0x")
	return prefixed || shouted([]string{value}) && (value == "OTHER" || !quote.PaymentMethod(strings.ToLower(value)))
}

// isTo reports whether a name is "to" and nothing else, which may be about anything.
func isTo(w []string) bool { return len(w) == 1 && w[0] == "to" }

// plainly reports whether a name says address and nothing else, not even whose.
func plainly(w []string) bool {
	return !slices.ContainsFunc(w, func(one string) bool {
		return !anyOf([]string{one}, addressWords) && strings.Trim(one, "0123456789") != ""
	})
}

// postal reports whether a value is where a person lives: words, and no address of a
// chain among them.
func postal(value string) bool {
	words := 0
	for _, token := range tokens(value) {
		if addressLike(token) != noAddress {
			return false
		}
		if len(token) > 1 && !strings.ContainsFunc(token, func(r rune) bool { return !unicode.IsLetter(r) }) {
			words++
		}
	}
	return words > 1 && strings.Contains(value, " ")
}

// nameable reports whether a name of a name service stands where it may be one: not
// where hosts are named or the words of other vocabularies are, and where neither an
// address is expected only if nothing on the web has such a name.
func nameable(token string, w []string, kind string) bool {
	if kind == aboutAddress || kind == aboutRecipient {
		return true
	}
	return !anyOf(w, aside) && !free(w) && !opaque(w) && hasWord(webNames, strings.ToLower(token[strings.LastIndexByte(token, '.')+1:]))
}
