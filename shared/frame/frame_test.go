package frame

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/spec"
	"countersign/shared/strictjson"
)

func request(t testing.TB, id uint64, method string, params any) Message {
	t.Helper()
	m, err := NewRequest(id, method, params)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAFrameCarriesEveryKindOfMessage(t *testing.T) {
	t.Parallel()
	note, err := NewNotification(LinkState, LinkStateParams{State: Ready, Bridge: "Ada's <laptop>", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := NewReply(MaxID, ChannelCloseResult{})
	if err != nil {
		t.Fatal(err)
	}
	msgs := []Message{
		request(t, 0, ChannelOpen, ChannelOpenParams{Entity: "ent_sandbox", Member: "mem_alice"}),
		note,
		reply,
		NewErrorReply(7, fault.New(fault.PINIncorrect, "the PIN is wrong").With("tries_left", "2")),
	}
	data, err := Encode(msgs)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"jsonrpc":"2.0","id":0,"method":"channel.open","params":{"entity":"ent_sandbox","member":"mem_alice"}},` +
		`{"jsonrpc":"2.0","method":"link.state","params":{"state":"ready","bridge":"Ada's <laptop>","version":"1"}},` +
		`{"jsonrpc":"2.0","id":9007199254740991,"result":{}},` +
		`{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"the PIN is wrong","data":{"code":"PIN_INCORRECT","details":{"tries_left":"2"}}}}]`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(msgs, got); diff != "" {
		t.Error(diff)
	}
	for i, k := range []Kind{Request, Notification, Reply, Reply} {
		if got[i].Kind() != k {
			t.Errorf("message %d has kind %d", i, got[i].Kind())
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	one := `{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{}}`
	tests := map[string]struct {
		frame string
		want  fault.Code
	}{
		"nothing":                    {``, fault.Invalid},
		"no array":                   {one, fault.Invalid},
		"null":                       {`null`, fault.Invalid},
		"empty array":                {`[]`, fault.Invalid},
		"array of null":              {`[null]`, fault.Invalid},
		"array of numbers":           {`[1]`, fault.Invalid},
		"trailing data":              {`[` + one + `] []`, fault.Invalid},
		"not UTF-8":                  {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bridge.info\",\"params\":{\"a\":\"\xff\"}}]", fault.Invalid},
		"65 messages":                {`[` + strings.Repeat(one+`,`, 64) + one + `]`, fault.Invalid},
		"too large":                  {`[` + one + strings.Repeat(" ", MaxFrame) + `]`, fault.TooLarge},
		"too deep":                   {`[{"jsonrpc":"2.0","id":1,"result":{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}]`, fault.Invalid},
		"no version":                 {`[{"id":1,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"version 1":                  {`[{"jsonrpc":"1.0","id":1,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"unknown field":              {`[{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{},"x":1}]`, fault.Invalid},
		"field in another case":      {`[{"jsonrpc":"2.0","ID":1,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"field twice":                {`[{"jsonrpc":"2.0","id":1,"id":1,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"param twice":                {`[{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{"a":1,"a":1}}]`, fault.Invalid},
		"id as text":                 {`[{"jsonrpc":"2.0","id":"1","method":"bridge.info","params":{}}]`, fault.Invalid},
		"id null":                    {`[{"jsonrpc":"2.0","id":null,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"method null":                {`[{"jsonrpc":"2.0","id":1,"method":null,"result":{}}]`, fault.Invalid},
		"error null":                 {`[{"jsonrpc":"2.0","id":1,"result":{},"error":null}]`, fault.Invalid},
		"negative id":                {`[{"jsonrpc":"2.0","id":-1,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"id with a fraction":         {`[{"jsonrpc":"2.0","id":1.5,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"id too large":               {`[{"jsonrpc":"2.0","id":9007199254740992,"method":"bridge.info","params":{}}]`, fault.Invalid},
		"no params":                  {`[{"jsonrpc":"2.0","id":1,"method":"bridge.info"}]`, fault.Invalid},
		"params null":                {`[{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":null}]`, fault.Invalid},
		"params array":               {`[{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":[]}]`, fault.Invalid},
		"method empty":               {`[{"jsonrpc":"2.0","id":1,"method":"","params":{}}]`, fault.Invalid},
		"method without a dot":       {`[{"jsonrpc":"2.0","id":1,"method":"info","params":{}}]`, fault.Invalid},
		"method in capitals":         {`[{"jsonrpc":"2.0","id":1,"method":"Bridge.info","params":{}}]`, fault.Invalid},
		"method too long":            {`[{"jsonrpc":"2.0","id":1,"method":"a.` + strings.Repeat("a", 63) + `","params":{}}]`, fault.Invalid},
		"method with a quote":        {`[{"jsonrpc":"2.0","id":1,"method":"a.\"b","params":{}}]`, fault.Invalid},
		"request with a result":      {`[{"jsonrpc":"2.0","id":1,"method":"bridge.info","params":{},"result":{}}]`, fault.Invalid},
		"reply without an id":        {`[{"jsonrpc":"2.0","result":{}}]`, fault.Invalid},
		"reply with params":          {`[{"jsonrpc":"2.0","id":1,"params":{},"result":{}}]`, fault.Invalid},
		"reply with neither":         {`[{"jsonrpc":"2.0","id":1}]`, fault.Invalid},
		"reply with both":            {`[{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"","data":{"code":"X"}}}]`, fault.Invalid},
		"result as text":             {`[{"jsonrpc":"2.0","id":1,"result":"ok"}]`, fault.Invalid},
		"error without data":         {`[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}]`, fault.Invalid},
		"error with an unknown part": {`[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x","data":{"code":"X","y":1}}}]`, fault.Invalid},
		"error code not a code":      {`[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x","data":{"code":"<b>"}}}]`, fault.Invalid},
		"error detail as a number":   {`[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x","data":{"code":"X","details":{"a":1}}}}]`, fault.Invalid},
		"error message too long":     {`[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"` + strings.Repeat("x", 1001) + `","data":{"code":"X"}}}]`, fault.Invalid},
		"second message bad":         {`[` + one + `,{}]`, fault.Invalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if msgs, err := Decode([]byte(tc.frame)); fault.CodeOf(err) != tc.want || msgs != nil {
				t.Errorf("%v, %v", msgs, err)
			}
		})
	}
}

func TestEncodeRefusesWhatDecodeWouldRefuse(t *testing.T) {
	t.Parallel()
	id := uint64(1)
	for name, msgs := range map[string][]Message{
		"no message":       nil,
		"65 messages":      slices.Repeat([]Message{{ID: &id, Result: strictjson.Raw(`{}`)}}, 65),
		"empty message":    {{}},
		"bad method":       {{Method: "x", Params: strictjson.Raw(`{}`)}},
		"params not JSON":  {{Method: "a.b", Params: strictjson.Raw(`{`)}},
		"params an array":  {{Method: "a.b", Params: strictjson.Raw(`[]`)}},
		"result and error": {{ID: &id, Result: strictjson.Raw(`{}`), Error: FromFault(io.EOF)}},
		"too large":        {{ID: &id, Result: strictjson.Raw(`{"a":"` + strings.Repeat("x", MaxFrame) + `"}`)}},
	} {
		if _, err := Encode(msgs); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestErrorsSurviveTheWay(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		in := fault.Wrap(io.EOF, code, "what happened").With("field", "x")
		data, err := Encode([]Message{NewErrorReply(1, fmt.Errorf("handle: %w", in))})
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("EOF")) {
			t.Errorf("%s: the cause left the process", code)
		}
		msgs, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		out, ok := fault.As(DecodeResult(msgs[0], new(ChannelCloseResult)))
		if !ok || out.Code != code || out.Message != "what happened" || out.Details["field"] != "x" {
			t.Errorf("%s came out as %+v", code, out)
		}
	}
}

func TestWhatAnErrorDoesNotSay(t *testing.T) {
	t.Parallel()
	if e := FromFault(errors.New("PIN 1234 in /home/ada")); e.Data.Code != fault.Internal || strings.Contains(e.Message, "1234") {
		t.Errorf("%+v", e)
	}
	e := &Error{Code: -32000, Message: "new", Data: ErrorData{Code: "FROM_A_LATER_VERSION"}}
	if f := e.Fault(); f.Code != fault.Internal || f.Details["code"] != "FROM_A_LATER_VERSION" {
		t.Errorf("%+v", f)
	}
	long := fault.New(fault.Invalid, strings.Repeat("ä", 1000))
	for i := range 20 {
		long = long.With(fmt.Sprint(i), strings.Repeat("y", 2000))
	}
	if _, err := Encode([]Message{NewErrorReply(1, long)}); err != nil {
		t.Errorf("a long error does not fit: %v", err)
	}
}

func TestEveryMethodTakesItsOwnTypesAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, spec := range Methods() {
		if (spec.Result == nil) != (spec.Kind == Notification) || (spec.Answer == "") != (spec.Result == nil) || Prompts(spec.Method) && spec.Result == nil {
			t.Errorf("%s: only a request has a result, an example of it, and a person to ask", spec.Method)
		}
		for example, fresh := range spec.examples() {
			v := fresh()
			if err := decode([]byte(example), v); err != nil {
				t.Errorf("%s: %s: %v", spec.Method, example, err)
			}
			if again, err := marshal(v); err != nil || string(again) != example {
				t.Errorf("%s: %s is written as %s, %v", spec.Method, example, again, err)
			}
			if err := decode([]byte(`{"unknown":1,`+example[1:]), fresh()); err == nil {
				t.Errorf("%s takes an unknown field", spec.Method)
			}
			if example != "{}" {
				if err := decode([]byte("{}"), fresh()); fault.CodeOf(err) != fault.Invalid {
					t.Errorf("%s takes an empty object: %v", spec.Method, err)
				}
			}
		}
	}
}

// examples are a row's examples, each with the maker of its type.
func (s Spec) examples() map[string]func() any {
	all := map[string]func() any{s.Example: s.Params}
	if s.Result != nil {
		all[s.Answer] = s.Result
	}
	return all
}

// seventeen is what makes a list of one approval too long.
func seventeen() string {
	var b strings.Builder
	for i := range MaxBatch {
		fmt.Fprintf(&b, `,"apv_%04d"`, i)
	}
	return b.String()
}

func TestFieldsHaveRanges(t *testing.T) {
	t.Parallel()
	rec := `"AQ"`
	tests := map[string]struct {
		into any
		json string
	}{
		"id too short":           {new(ChannelCloseParams), `{"channel":"chn_aa"}`},
		"id too long":            {new(ChannelCloseParams), `{"channel":"chn_` + strings.Repeat("a", 41) + `"}`},
		"id in capitals":         {new(ChannelCloseParams), `{"channel":"chn_AAAA"}`},
		"id without prefix":      {new(ChannelCloseParams), `{"channel":"channel1"}`},
		"id null":                {new(ChannelCloseParams), `{"channel":null}`},
		"record empty":           {new(ChannelReadyParams), `{"channel":"chn_aaaa","record":""}`},
		"record padded":          {new(ChannelReadyParams), `{"channel":"chn_aaaa","record":"AQ=="}`},
		"record in base64":       {new(ChannelReadyParams), `{"channel":"chn_aaaa","record":"+/+/"}`},
		"record not canonical":   {new(ChannelReadyParams), `{"channel":"chn_aaaa","record":"AR"}`},
		"record with a newline":  {new(ChannelReadyParams), `{"channel":"chn_aaaa","record":"AQ\n"}`},
		"record too long":        {new(ChannelReadyParams), `{"channel":"chn_aaaa","record":"` + strings.Repeat("AAAA", MaxRecord/3+1) + `"}`},
		"decision unknown":       {new(ApprovalPrepareParams), `{"channel":"chn_aaaa","request":"req_aaaa","decision":"approve"}`},
		"outcome unknown":        {new(ApprovalDecideResult), `{"outcome":"maybe","statement_text":"","record":` + rec + `}`},
		"text too long":          {new(ApprovalDecideResult), `{"outcome":"signed","statement_text":"` + strings.Repeat("x", MaxText+1) + `","record":` + rec + `}`},
		"needed negative":        {new(ApprovalFinishResult), `{"request":"req_aaaa","state":"x","approvals":[],"needed":-1}`},
		"needed with a fraction": {new(ApprovalFinishResult), `{"request":"req_aaaa","state":"x","approvals":[],"needed":1.0}`},
		"approver not an id":     {new(ApprovalFinishResult), `{"request":"req_aaaa","state":"x","approvals":["x"],"needed":1}`},
		"65 approvers":           {new(ApprovalFinishResult), `{"request":"req_aaaa","state":"x","approvals":["mem_aaaa"` + strings.Repeat(`,"mem_aaaa"`, 64) + `],"needed":1}`},
		"state unknown":          {new(LinkStateParams), `{"state":"open","bridge":"b","version":"1"}`},
		"refused without error":  {new(LinkStateParams), `{"state":"refused","bridge":"b","version":"1"}`},
		"ready with an error":    {new(LinkStateParams), `{"state":"ready","bridge":"b","version":"1","error":{"code":1,"message":"","data":{"code":"X"}}}`},
		"name too long":          {new(DeviceParams), `{"device":"` + strings.Repeat("x", MaxName+1) + `"}`},
		"kind unknown":           {new(PromptParams), `{"kind":"x","where":"terminal"}`},
		"place unknown":          {new(PromptParams), `{"kind":"pin","where":"page"}`},
		"batch of one":           {new(ApprovalBatchParams), `{"approvals":["apv_aaaa"]}`},
		"batch of seventeen":     {new(ApprovalBatchParams), `{"approvals":["apv_aaaa"` + seventeen() + `]}`},
		"batch with one twice":   {new(ApprovalBatchParams), `{"approvals":["apv_aaaa","apv_aaaa"]}`},
		"batch of no ids":        {new(ApprovalBatchParams), `{"approvals":["apv_aaaa","x"]}`},
		"progress beyond":        {new(ApprovalProgressParams), `{"batch":"bat_aaaa","done":3,"of":2}`},
		"progress below zero":    {new(ApprovalProgressParams), `{"batch":"bat_aaaa","done":-1,"of":2}`},
		"progress of nothing":    {new(ApprovalProgressParams), `{"batch":"bat_aaaa","done":0,"of":0}`},
		"progress of too many":   {new(ApprovalProgressParams), `{"batch":"bat_aaaa","done":0,"of":17}`},
		"a prompt for a day":     {new(PromptParams), `{"kind":"pin","where":"terminal","left":86400}`},
		"a first try again":      {new(PromptParams), `{"kind":"confirm","where":"terminal","again":true}`},
		"a prompt of the past":   {new(PromptParams), `{"kind":"pin","where":"terminal","left":-1}`},
		"approval not an id":     {new(PromptParams), `{"approval":"x","kind":"pin","where":"terminal"}`},
		"curve unknown": {new(BridgeInfoResult),
			`{"version":"1","identities":[{"entity":"ent_aaaa","entity_name":"x","member":"mem_aaaa","member_name":"x","device":"x","curve":"P-384","present":true,"locked":false,"channel_in":"token"}]}`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if err := decode([]byte(tc.json), tc.into); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheLargestRecordFitsIntoAFrame(t *testing.T) {
	t.Parallel()
	m := request(t, MaxID, ApprovalDecide, ApprovalDecideParams{"apv_aaaa", make(Record, MaxRecord)})
	if _, err := Encode([]Message{m}); err != nil {
		t.Error(err)
	}
	raw, err := NewReply(MaxID, ApprovalDecideResult{OutcomeSigned, strings.Repeat("x", MaxText), make(Record, MaxRecord)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Encode([]Message{raw}); err != nil {
		t.Error(err)
	}
}

func TestBatcherFillsFramesInOrder(t *testing.T) {
	t.Parallel()
	var b Batcher
	if b.Next() != nil {
		t.Error("a frame of nothing")
	}
	const n = 300
	for i := range n {
		size := 10
		if i%50 == 0 {
			size = MaxRecord
		}
		if err := b.Add(request(t, uint64(i), ChannelReady, ChannelReadyParams{"chn_aaaa", make(Record, size)})); err != nil {
			t.Fatal(err)
		}
	}
	var got []uint64
	frames := 0
	for f := b.Next(); f != nil; f = b.Next() {
		frames++
		msgs, err := Decode(f)
		if err != nil {
			t.Fatalf("frame of %d bytes: %v", len(f), err)
		}
		for _, m := range msgs {
			got = append(got, *m.ID)
		}
	}
	for i := range n {
		if len(got) != n || got[i] != uint64(i) {
			t.Fatalf("message %d is %v of %d", i, got[i], len(got))
		}
	}
	if frames > 15 || b.Len() != 0 {
		t.Errorf("%d frames, %d left", frames, b.Len())
	}
}

func TestBatcherRefuses(t *testing.T) {
	t.Parallel()
	var b Batcher
	if err := b.Add(Message{}); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
	big := Message{Method: "a.b", Params: strictjson.Raw(`{"a":"` + strings.Repeat("x", MaxFrame) + `"}`)}
	if err := b.Add(big); fault.CodeOf(err) != fault.TooLarge {
		t.Error(err)
	}
	for i := range MaxQueued {
		if err := b.Add(request(t, uint64(i), BridgeInfo, BridgeInfoParams{})); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(request(t, 1, BridgeInfo, BridgeInfoParams{})); fault.CodeOf(err) != fault.Busy {
		t.Error(err)
	}
}

var specRow = regexp.MustCompile("(?m)^\\| `([a-z]+\\.[a-z]+)` \\| (request|notification) \\| (yes|—) \\| (`[^|]*`) \\| (`[^|]*`|—) \\|$")

// The page says what the code does: each method, its kind, and the names of its
// fields.
func TestTheSpecHasTheTableOfMethods(t *testing.T) {
	t.Parallel()
	page := spec.Page(t, "frame.md")
	var want []string
	for _, s := range Methods() {
		kind, asks, result := "request", "—", "—"
		if s.Kind == Notification {
			kind = "notification"
		}
		if s.Result != nil {
			result = fields(s.Result())
		}
		if Prompts(s.Method) {
			asks = "yes"
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", s.Method, kind, asks, fields(s.Params()), result))
	}
	got := specRow.FindAllString(page, -1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frame.md and the code differ (- code, + page):\n%s", diff)
	}
	for _, n := range []int{MaxFrame, MaxMessages, MaxID, MaxRecord, MaxText, MaxName, MaxIdentities, MaxApprovals, MaxBatch, MaxErrorMessage, MaxDetails, CloseCode} {
		if !strings.Contains(strings.ReplaceAll(page, ",", ""), fmt.Sprint(n)) {
			t.Errorf("frame.md does not name the limit %d", n)
		}
	}
}

func TestTheSpecHasTheExamplesOfTheTable(t *testing.T) {
	t.Parallel()
	var want [][]string
	for _, s := range Methods() {
		result := "—"
		if s.Result != nil {
			result = "`" + s.Answer + "`"
		}
		want = append(want, []string{"`" + s.Method + "`", "`" + s.Example + "`", result})
	}
	if diff := cmp.Diff(want, spec.Table(t, "frame.md", "Examples", "method")); diff != "" {
		t.Errorf("frame.md and the code differ (- code, + page):\n%s", diff)
	}
}

func fields(v any) string {
	names := []string{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
		name, opt, _ := strings.Cut(f.Tag.Get("json"), ",")
		if opt != "" {
			name += "?"
		}
		names = append(names, name)
	}
	return "`{" + strings.Join(names, ", ") + "}`"
}

func FuzzDecode(f *testing.F) {
	for _, spec := range Methods() {
		id := uint64(1)
		data, err := Encode([]Message{{ID: &id, Method: spec.Method, Params: []byte(spec.Example)}, NewErrorReply(2, fault.New(fault.Declined, "no").With("a", "b"))})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		msgs, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(msgs)
		if err != nil {
			if fault.CodeOf(err) == fault.TooLarge {
				return // JSON may get longer: a byte below 0x20 has one short form
			}
			t.Fatalf("decoded and not encoded: %v", err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("encoded and not decoded: %v", err)
		}
		if diff := cmp.Diff(msgs, back); diff != "" {
			t.Error(diff)
		}
		for _, m := range msgs {
			fuzzParams(t, m)
		}
	})
}

func fuzzParams(t *testing.T, m Message) {
	for _, spec := range Methods() {
		if spec.Method != m.Method {
			continue
		}
		v := spec.Params()
		if DecodeParams(m, v) != nil {
			return
		}
		raw, err := marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		w := spec.Params()
		if err := decode(raw, w); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if diff := cmp.Diff(v, w); diff != "" {
			t.Error(diff)
		}
	}
}
