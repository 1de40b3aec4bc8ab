package eip712_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"countersign/shared/eip712"
	"countersign/shared/field"
	"countersign/shared/spec"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/typed-data.json"

// mail is the example of EIP-712.
const mail = `{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],"Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},"primaryType":"Mail","domain":{"name":"Ether Mail","version":"1","chainId":1,"verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},"message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},"to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}`

// with is typed data of one type T with these fields (name:type, by commas), and of others, whose
// message is this object.
func with(fields, message, others string) string {
	return `{"types":{"EIP712Domain":[{"name":"chainId","type":"uint256"}],"T":[` + declared(fields) + `]` + others + `},"primaryType":"T","domain":{"chainId":"31337"},"message":` + message + `}`
}

func declared(fields string) string {
	var all []string
	for _, f := range strings.Split(fields, ",") {
		name, typ, _ := strings.Cut(f, ":")
		all = append(all, `{"name":"`+name+`","type":"`+typ+`"}`)
	}
	return strings.Join(all, ",")
}

// many declares so many types.
func many(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, `,"P%d":[%s]`, i, declared("x:bool"))
	}
	return s.String()
}

func one(typ, value string) string { return with("a:"+typ, `{"a":`+value+`}`, "") }

// vector is a row of shared/spec/vectors/typed-data.json.
type vector struct {
	Name   string `json:"name"`
	Typed  string `json:"typed"`            // as a program writes it
	Form   string `json:"form,omitempty"`   // its one form; absent where it is refused
	Type   string `json:"type,omitempty"`   // encodeType of the primary type
	Digest string `json:"digest,omitempty"` // hexadecimal
	Field  string `json:"field,omitempty"`  // that is refused
	Why    string `json:"why,omitempty"`
}

func vectors() (all []vector) {
	big := "115792089237316195423570985008687907853269984665640564039457584007913129639935"
	swap := func(old, new string) string { return strings.Replace(mail, old, new, 1) }
	for _, v := range [][2]string{
		{"the example of EIP-712", mail},
		{"the same with white space, and the members in another order", " " + strings.NewReplacer(`"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"`, `"wallet" : "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826", "name":"C\u006fw"`, `"chainId":1`, `"chainId":"0x1"`).Replace(mail) + "\n"},
		{"a type that is not used", swap(`"Mail":[`, `"Unused":[{"name":"a","type":"bool"}],"Mail":[`)},
		{"all fields of a domain", `{"types":{"EIP712Domain":[` + declared("name:string,version:string,chainId:uint256,verifyingContract:address,salt:bytes32") + `],"T":[` + declared("a:bool") + `]},"primaryType":"T","domain":{"name":"D","version":"1","chainId":"31337","verifyingContract":"0x0000000000000000000000000000000000000000","salt":"0x` + strings.Repeat("0A", 32) + `"},"message":{"a":true}}`},
		{"lists of lists, and lists of structs", with("a:uint8[2][],b:P[],c:P[1],d:string[]", `{"a":[[1,2],[3,4],[255,0]],"b":[{"x":"-1"},{"x":-128}],"c":[{"x":127}],"d":[]}`, `,"P":[`+declared("x:int8")+`]`)},
		{"structs in structs", with("q:Q,p:P", `{"q":{"p":{"x":false}},"p":{"x":true}}`, `,"Q":[`+declared("p:P")+`],"P":[`+declared("x:bool")+`]`)},
		{"every atomic type", with("a:bool,b:address,c:bytes,d:string,e:uint256,f:int256,g:bytes1,h:bytes32,i:uint8,j:int16", `{"a":false,"b":"0x52908400098527886E0F7030069857D2E4169EE7","c":"0x","d":"","e":"`+big+`","f":"-57896044618658097711785492504343953926634992332820282019728792003956564819968","g":"0xff","h":"0x`+strings.Repeat("ab", 32)+`","i":255,"j":-32768}`, "")},
		{"a number above 2^53, as a number of JSON", one("uint256", "9007199254740993")},
		{"the same as a text", one("uint256", `"9007199254740993"`)},
		{"a text with signs of every kind", one("string", `"\u202e\n\"\\\u0000é漢😀"`)},
		// refused
		{"not an object", `[]`},
		{"cut off", mail[:100]},
		{"a member of the whole that is none", swap(`"primaryType"`, `"metadata":{},"primaryType"`)},
		{"no message", `{"types":{},"primaryType":"T","domain":{}}`},
		{"a message that is a list", one("bool", "true")[:len(one("bool", "true"))-len(`{"a":true}}`)] + `[]}`},
		{"a name twice", one("uint8", `1,"a":2`)},
		{"a name twice, once with an escape", one("uint8", `1,"\u0061":2`)},
		{"a field that is not declared", one("uint8", `1,"b":2`)},
		{"a field that is missing", with("a:uint8,b:uint8", `{"a":1}`, "")},
		{"a field that is null", one("string", "null")},
		{"no type of the domain", swap("EIP712Domain", "Domain")},
		{"a domain with another field", strings.Replace(swap(`{"name":"name","type":"string"},{"name":"version"`, `{"name":"app","type":"string"},{"name":"version"`), `"name":"Ether Mail"`, `"app":"Ether Mail"`, 1)},
		{"a domain in another order", `{"types":{"EIP712Domain":[` + declared("chainId:uint256,name:string") + `],"T":[` + declared("a:bool") + `]},"primaryType":"T","domain":{"name":"D","chainId":1},"message":{"a":true}}`},
		{"a domain with a number of another type", strings.Replace(one("bool", "true"), "uint256", "uint64", 1)},
		{"a primary type that is not declared", swap(`"primaryType":"Mail"`, `"primaryType":"Male"`)},
		{"the type of the domain as primary type", swap(`"primaryType":"Mail"`, `"primaryType":"EIP712Domain"`)},
		{"a type that is not defined", one("Thing", "{}")},
		{"the domain in the message", one("EIP712Domain", `{"chainId":1}`)},
		{"a type that contains itself", with("a:T[]", `{"a":[]}`, "")},
		{"types that contain each other", with("a:P[]", `{"a":[]}`, `,"P":[`+declared("x:Q[]")+`],"Q":[`+declared("y:P[]")+`]`)},
		{"a type without fields", with("a:bool", `{"a":true}`, `,"P":[]`)},
		{"a type with a name of EIP-712", with("a:bool", `{"a":true}`, `,"uint8":[`+declared("x:bool")+`]`)},
		{"a type whose name could be another text", with("a:bool", `{"a":true}`, `,"P(bool x)":[`+declared("x:bool")+`]`)},
		{"a field whose name has a line feed", with(`a\nYou sign as:bool`, `{"a\nYou sign as":true}`, "")},
		{"a field with a name of Cyrillic letters", with("а:bool", `{"а":true}`, "")},
		{"two fields of one name", with("a:bool,a:bool", `{"a":true}`, "")},
		{"a field with more than name and type", strings.Replace(one("bool", "true"), `"name":"a",`, `"name":"a","indexed":true,`, 1)},
		{"uint, which EIP-712 does not have", one("uint", "1")},
		{"uint7", one("uint7", "1")},
		{"uint264", one("uint264", "1")},
		{"uint08", one("uint08", "1")},
		{"bytes33", one("bytes33", `"0x00"`)},
		{"a list of no elements by its type", one("bool[0]", "[]")},
		{"a number with a fraction", one("uint256", "1.5")},
		{"a whole number with a fraction", one("uint256", "1.0")},
		{"a number with an exponent", one("uint256", "1e3")},
		{"a number with a zero before it", one("uint256", `"01"`)},
		{"a number with a plus", one("uint256", `"+1"`)},
		{"minus zero", one("int256", "-0")},
		{"a number below zero of an unsigned type", one("uint256", "-1")},
		{"a hexadecimal number below zero", one("int256", `"-0x1"`)},
		{"a number with spaces", one("uint256", `" 1"`)},
		{"a number without digits", one("uint256", `"0x"`)},
		{"a number as true", one("uint256", "true")},
		{"256 in a uint8", one("uint8", "256")},
		{"128 in an int8", one("int8", "128")},
		{"-129 in an int8", one("int8", "-129")},
		{"2^256", one("uint256", `"115792089237316195423570985008687907853269984665640564039457584007913129639936"`)},
		{"a thousand digits", one("uint256", `"`+strings.Repeat("9", 1000)+`"`)},
		{"a truth in a text", one("bool", `"true"`)},
		{"a truth as a number", one("bool", "1")},
		{"a text as a number", one("string", "1")},
		{"an address with a changed digit", one("address", `"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d358"`)},
		{"an address with a wrong check", one("address", `"0x52908400098527886e0F7030069857D2E4169EE7"`)},
		{"an address that is too short", one("address", `"0x5290840009852788"`)},
		{"an address as a number", one("address", "1")},
		{"bytes without 0x", one("bytes", `"00"`)},
		{"bytes with half a byte", one("bytes", `"0x0"`)},
		{"bytes as numbers", one("bytes", "[1]")},
		{"31 bytes in a bytes32", one("bytes32", `"0x`+strings.Repeat("00", 31)+`"`)},
		{"a list that is none", one("bool[]", "true")},
		{"three elements in a list of two", one("bool[2]", "[true,true,true]")},
		{"a struct that is a text", with("p:P", `{"p":"x"}`, `,"P":[`+declared("x:bool")+`]`)},
		{"lists nine deep", one("bool"+strings.Repeat("[]", 8), strings.Repeat("[", 8)+strings.Repeat("]", 8))},
		{"more than 256 values", one("bool[]", "["+strings.Repeat("true,", 255)+"true]")},
		{"more than 64 fields", with(strings.Repeat("a:bool,", 64)+"b:bool", "{}", "")},
		{"more than 32 types", with("a:bool", `{"a":true}`, many(31))},
	} {
		all = append(all, compute(v[0], v[1]))
	}
	return all
}

func compute(name, typed string) vector {
	v := vector{Name: name, Typed: typed}
	d, err := eip712.Read([]byte(typed))
	if p, ok := err.(*field.Problem); ok {
		v.Field, v.Why = p.Field, p.Why
		return v
	}
	form, _ := d.Encode()
	sum := d.Digest()
	v.Form, v.Type, v.Digest = string(form), d.EncodeType(d.Primary), hex.EncodeToString(sum[:])
	return v
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	for i, want := range spec.Vectors(t, vectorFile, *update, vectors()) {
		if got := vectors()[i]; got != want {
			t.Errorf("%s: got %+v, want %+v", want.Name, got, want)
		}
		if want.Form != "" && !strings.HasPrefix(want.Name, "a type that is not used") {
			if got := reference(t, want.Form); got != want.Digest {
				t.Errorf("%s: go-ethereum has the digest %s", want.Name, got)
			}
		}
	}
}

func TestTheExampleOfTheEIPHasItsDigest(t *testing.T) {
	t.Parallel()
	d, err := eip712.Read([]byte(mail))
	if err != nil {
		t.Fatal(err)
	}
	sum, domain := d.Digest(), d.Separator()
	if got := hex.EncodeToString(sum[:]); got != "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2" {
		t.Error(got)
	}
	if got := hex.EncodeToString(domain[:]); got != "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f" {
		t.Error(got)
	}
	if got := d.EncodeType("Mail"); got != "Mail(Person from,Person to,string contents)Person(string name,address wallet)" {
		t.Error(got)
	}
}

func TestOneMeaningHasOneForm(t *testing.T) {
	t.Parallel()
	for _, v := range vectors() {
		if v.Form == "" {
			continue
		}
		d, err := eip712.Open([]byte(v.Form))
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if sum := d.Digest(); hex.EncodeToString(sum[:]) != v.Digest {
			t.Errorf("%s: the form has another digest", v.Name)
		}
		if _, err := eip712.Open([]byte(" " + v.Form)); err == nil {
			t.Errorf("%s: another spelling is taken for the form", v.Name)
		}
	}
}

// What go-ethereum takes silently is what this package is for.
func TestGoEthereumWouldSignAnotherValueThanIsShown(t *testing.T) {
	t.Parallel()
	number, text := one("uint256", "9007199254740993"), one("uint256", `"9007199254740993"`)
	if reference(t, number) == reference(t, text) {
		t.Error("go-ethereum does not round any more: say so in the package comment")
	}
	a, err := eip712.Read([]byte(number))
	b, err2 := eip712.Read([]byte(text))
	if err != nil || err2 != nil || a.Digest() != b.Digest() {
		t.Errorf("%v, %v, or other digests", err, err2)
	}
}

// reference is the digest by go-ethereum; empty where it refuses.
func reference(t testing.TB, typed string) string {
	t.Helper()
	var d apitypes.TypedData
	if err := json.Unmarshal([]byte(typed), &d); err != nil {
		return ""
	}
	sum, _, err := apitypes.TypedDataAndHash(d)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum)
}

func FuzzTypedDataHasTheDigestOfGoEthereum(f *testing.F) {
	for _, v := range vectors() {
		f.Add([]byte(v.Typed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := eip712.Read(data)
		if err != nil {
			if _, ok := err.(*field.Problem); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		form, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := eip712.Open(form)
		if err != nil {
			t.Fatalf("the form %s of %s: %v", form, data, err)
		}
		if out, err := again.Encode(); err != nil || !bytes.Equal(out, form) {
			t.Fatalf("%s, then %s", form, out)
		}
		sum := d.Digest()
		if again.Digest() != sum {
			t.Fatalf("the form of %s has another digest", data)
		}
		if want := reference(t, string(form)); want != "" && want != hex.EncodeToString(sum[:]) {
			t.Fatalf("%s: go-ethereum has %s", form, want)
		}
	})
}
