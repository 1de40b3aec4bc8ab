package dashboard

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The painter under the real policy in a real browser. One browser, a tab each.
func TestPainter(t *testing.T) {
	t.Parallel()
	stage := newStage(t)
	for _, test := range []struct {
		name string
		f    func(tab)
	}{
		{"keeps the element, the focus and the caret while siblings change", keepsFocus},
		{"keeps the focus when a focused row moves among keyed rows", movesKeyed},
		{"does not overwrite what is being typed", keepsTyping},
		{"sets a field when the core changes it", setsField},
		{"paints markup as text and refuses script", refusesMarkup},
		{"refuses tags and attributes that are not allowed", refusesUnknown},
		{"tells the core what was done, by keyboard and pointer", dispatches},
		{"sends a form's fields as one object", submits},
		{"does not send what is disabled", ignoresDisabled},
		{"opens a dialog as modal and asks the core at Escape", dialogs},
		{"follows the address both ways", routes},
		{"says an announcement once, in one polite region", announces},
		{"hands the focus on when the focused control goes away", handsFocusOn},
		{"tells when pointer or focus stay in a list", holds},
		{"answers shortcuts outside fields only", shortcuts},
		{"chooses by a key while a choice has the focus, and puts the caret into a field", choosesByKey},
		{"copies an address and an amount as they are", copies},
		{"scrolls to what comes below the window, once", reveals},
		{"removes what the next picture leaves out", removes},
		{"lends a place, and takes it back", lends},
		{"paints at once, and moves nothing under a pressed pointer", waitsForRelease},
		{"sets custom properties and no other style", customProperties},
		{"applies a theme through the CSSOM", themes},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := stage.open(t)
			test.f(p)
			if got := js[[]string](p, "refused.filter((r) => r.startsWith('policy'))"); len(got) > 0 {
				t.Errorf("the security policy was violated: %v", got)
			}
		})
	}
}

func keepsFocus(p tab) {
	p.run(`await show({tree: ['main', {}, [['input', {id: 'a', class: 'input', 'aria-label': 'a', prop: {value: 'hello'}}]]]});
		$('#a').focus(); $('#a').setSelectionRange(1, 3); window.was = $('#a');
		await show({tree: ['main', {class: 'page'}, [['p', {}, ['new']], ['div', {key: 'x'}, ['more']], ['input', {id: 'a', class: 'input', 'aria-label': 'b', prop: {value: 'hello'}}]]]});`)
	p.want("$('#a') === was", true)
	p.want("document.activeElement === was", true)
	p.want("[was.selectionStart, was.selectionEnd, was.value, was.getAttribute('aria-label')]", []any{1, 3, "hello", "b"})
}

func movesKeyed(p tab) {
	p.run(`window.rows = (...keys) => ({tree: ['ul', {}, keys.map((k) => ['li', {key: k}, [['button', {id: 'b' + k}, ['row ' + k]]]])]});
		await show(rows(1, 2, 3, 4)); $('#b3').focus(); window.was = $('#b3');
		await show(rows(3, 4, 2, 1));`)
	p.want("document.activeElement === was && was.isConnected", true)
	p.want("root.querySelector('ul').innerText.split(/\\s*\\n\\s*/).join()", "row 3,row 4,row 2,row 1")
	p.run(`await show(rows(5, 1, 2, 3, 6));`)
	p.want("document.activeElement === was", true)
	p.want("root.querySelector('ul').innerText.split(/\\s*\\n\\s*/).join()", "row 5,row 1,row 2,row 3,row 6")
}

func keepsTyping(p tab) {
	p.run(`window.field = (value, note = '') => ({tree: ['main', {}, [['input', {id: 'a', on: {input: 'amount'}, prop: {value}}], ['p', {}, [note]]]]}); await show(field(''))`)
	p.do(typeInto("a", "123"))
	p.want("sent", [][]string{{"amount", "1"}, {"amount", "12"}, {"amount", "123"}})
	p.run(`await show(field('12', 'an older picture'))`)
	p.want("[$('#a').value, $('p').textContent]", []string{"123", "an older picture"})
}

func setsField(p tab) {
	p.run(`window.field = (value) => ({tree: ['main', {}, [['input', {id: 'a', prop: {value}}], ['input', {id: 'b', type: 'checkbox', prop: {checked: value === '20'}}]]]});
		await show(field('10')); $('#a').focus(); await show(field('20'))`)
	p.want("[$('#a').value, $('#b').checked]", []any{"20", true})
}

func refusesMarkup(p tab) {
	p.run(`await show({tree: ['main', {}, ['<img src=x onerror=alert(1)>', ['a', {id: 'a', href: 'javascript:alert(1)'}, ['x']], ['a', {id: 'b', href: 'data:text/html,x'}, ['x']], ['a', {href: 'https://['}, ['x']],
		['a', {id: 'c', href: 'https://example.com/', target: '_blank'}, ['x']], ['p', {style: 'color:red', onclick: 'x'}, ['p']]]]})`)
	p.want("root.querySelectorAll('img').length", 0)
	p.want("['#a', '#b', '#c'].map((s) => $(s).getAttribute('href'))", []any{nil, nil, "https://example.com/"})
	p.want("$('#c').rel", "noopener noreferrer")
	p.want("[$('p').hasAttribute('style'), $('p').hasAttribute('onclick'), refused.length]", []any{false, false, 5})
}

func refusesUnknown(p tab) {
	for _, tag := range []string{"script", "style", "iframe", "img", "object", "base", "meta", "link", "svg", "template", "SCRIPT"} {
		p.run(`refused.length = 0; await show({tree: ['main', {}, [['` + tag + `', {}, ['x']]]]})`)
		p.want("[refused.length, $('main').children.length]", []int{1, 0})
	}
	for _, attr := range []string{"srcdoc", "src", "style", "onclick", "formaction", "ping", "nonce", "xlink:href"} {
		p.run(`refused.length = 0; await show({tree: ['main', {key: '` + attr + `', '` + attr + `': 'x'}, []]})`)
		p.want("[refused.length, $('main').attributes.length]", []int{1, 0})
	}
}

func dispatches(p tab) {
	p.run(`await show({tree: ['main', {}, [['button', {id: 'a', on: {click: 'approve:req_1'}}, [['span', {id: 's'}, ['Approve']]]],
		['select', {id: 'c', on: {change: 'crypto'}}, [['option', {value: 'eth'}, ['E']], ['option', {value: 'btc'}, ['B']]]],
		['label', {}, [['input', {id: 'd', type: 'checkbox', on: {change: 'box'}}], 'box']],
		['input', {id: 'k', on: {keydown: 'key'}}]]]})`)
	p.do(chromedp.Click(chromedp.ID("s")), chromedp.Focus(chromedp.ID("a")), chromedp.KeyEvent(kb.Enter), chromedp.Click(chromedp.ID("d")),
		typeInto("k", kb.ArrowDown))
	p.run(`$('#c').value = 'btc'; $('#c').dispatchEvent(new Event('change', {bubbles: true}))`)
	p.want("sent", [][]string{{"approve:req_1", ""}, {"approve:req_1", ""}, {"box", "true"}, {"key", "ArrowDown"}, {"crypto", "btc"}})
}

func submits(p tab) {
	p.run(`await show({tree: ['form', {on: {submit: 'quote'}}, [['input', {id: 'a', name: 'amount', prop: {value: '250'}}], ['input', {name: 'method', type: 'radio', value: 'card', prop: {checked: true}}], ['button', {id: 'go', type: 'submit'}, ['Go']]]]})`)
	p.do(typeInto("a", kb.Enter))
	p.want("sent", [][]string{{"quote", `{"amount":"250","method":"card"}`}})
	p.want("location.search", "")
}

func ignoresDisabled(p tab) {
	p.run(`await show({tree: ['main', {}, [['button', {id: 'a', 'aria-disabled': 'true', on: {click: 'a'}}, ['a']], ['button', {id: 'b', prop: {disabled: true}, on: {click: 'b'}}, ['b']]]]}); $('#a').click(); $('#b').click()`)
	p.want("sent", []string{})
}

func dialogs(p tab) {
	p.run(`window.dialog = (open) => ({tree: ['main', {}, [['button', {id: 'out'}, ['out']], ['dialog', {class: 'dialog', 'aria-label': 'd', prop: {open}, on: {close: 'cancel'}}, [['button', {id: 'in'}, ['in']]]]]]});
		await show(dialog(false)); $('#out').focus(); await show(dialog(true))`)
	p.want("[$('dialog').open, $('dialog').matches(':modal'), document.activeElement === $('dialog')]", []bool{true, true, true})
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("sent.length === 1")
	p.want("[sent[0], $('dialog').open]", []any{[]string{"cancel", ""}, true})
	p.run(`await show(dialog(false)); await new Promise((r) => setTimeout(r))`)
	p.want("[$('dialog').open, sent.length, document.activeElement.id]", []any{false, 1, "out"})
}

func routes(p tab) {
	p.run(`window.screen1 = (path, title) => ({path, title, tree: ['main', {}, [['h1', {}, [title]], ['a', {id: 'go', href: '/requests'}, ['go']], ['a', {id: 'api', href: '/v1/redirect/x'}, ['api']]]]});
		await show(screen1('/', 'Buy')); document.addEventListener('click', (e) => { window.stopped = e.defaultPrevented; e.preventDefault(); });`)
	p.do(chromedp.Click(chromedp.ID("go")))
	p.want("[sent, stopped]", []any{[][]string{{"navigate:/requests", ""}}, true})
	p.run(`await show(screen1('/requests', 'Requests'))`)
	p.want("[location.pathname, document.title, document.activeElement.tagName]", []string{"/requests", "Requests", "H1"})
	p.run(`sent.length = 0; history.back()`)
	p.until("sent.length === 1")
	p.want("[sent[0][0], location.pathname]", []string{"navigate:/", "/"})
	p.run(`await show(screen1('/', 'Buy'))`)
	p.want("history.length", js[int](p, "history.length"))
	p.run(`sent.length = 0`)
	p.do(chromedp.Click(chromedp.ID("api")))
	p.want("[sent, stopped]", []any{[]string{}, false})
}

func announces(p tab) {
	p.run(`window.says = []; await show({tree: ['main', {}, []]});
		new MutationObserver(() => says.push($('[role=status]').textContent)).observe(root, {childList: true, subtree: true, characterData: true});
		for (const a of ['3 of 4 quotes', '3 of 4 quotes', 'Best Northpay', '']) await show({announce: a, tree: ['main', {}, []]});`)
	p.want("says", []string{"3 of 4 quotes", "Best Northpay", ""})
	p.want("root.querySelectorAll('[role=status], [aria-live=polite]').length", 1)
}

func handsFocusOn(p tab) {
	p.run(`window.section = (kids) => ({tree: ['main', {}, [['section', {id: 's'}, kids]]]});
		await show(section([['button', {id: 'a'}, ['Approve']]])); $('#a').focus(); await show(section([['p', {}, ['Approving']]]))`)
	p.want("document.activeElement.id", "s")
	p.run(`await show(section([['button', {key: 'b', id: 'b', focus: true}, ['Next']], ['p', {}, ['x']]])); await show(section([['button', {key: 'b', id: 'b', focus: true}, ['Next']]]))`)
	p.want("document.activeElement.id", "b")
}

func holds(p tab) {
	p.run(`await show({tree: ['main', {}, [['div', {id: 'list', on: {hold: 'hold'}}, [['button', {id: 'in'}, ['in']]]], ['button', {id: 'out'}, ['out']]]]}); $('#in').focus()`)
	p.until("sent.length === 1")
	p.run(`$('#out').focus()`)
	p.until("sent.length === 2")
	p.want("sent", [][]string{{"hold", "true"}, {"hold", "false"}})
}

func shortcuts(p tab) {
	p.run(`await show({keys: {'g r': 'navigate:/requests', '/': 'focus'}, tree: ['main', {}, [['input', {id: 'a'}], ['button', {id: 'b'}, ['b']]]]}); $('#b').focus()`)
	p.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("r"), chromedp.KeyEvent("/"), typeInto("a", "gr/"))
	p.want("[sent, $('#a').value]", []any{[][]string{{"navigate:/requests", ""}, {"focus", ""}}, "gr/"})
}

// What a picture leaves to others is theirs as long as it is there.
func lends(p tab) {
	p.run(`window.log = [];
		const place = document.body.appendChild(document.createElement('div')), Painter = painter.constructor;
		const lend = (el, name) => { el.append(name + ' of another'); return { show: (at) => log.push('show ' + at), stop: () => log.push('stop') }; };
		window.lending = new Painter(place, () => log.push('sent'), { routing: false, lend });
		const lent = (at, title) => ['div', {}, [['h2', {}, [title]], ['lent', { name: 'vault', at }]]];
		for (const [at, title] of [['a', 'one'], ['b', 'two'], ['b', 'three']]) lending.paint({ tree: lent(at, title) });
		window.text = place.innerText;
		lending.paint({ tree: ['div', {}, ['gone']] });
		lending.paint({ tree: lent('c', 'four') });
		lending.stop();`)
	p.want("[log, text]", []any{[]string{"show a", "show b", "stop", "show c", "stop"}, "three\nvault of another"})
}

func removes(p tab) {
	p.run(`await show({tree: ['main', {class: 'page', lang: 'fr', 'aria-busy': 'true', css: {'--progress': '0.5'}}, ['a', ['p', {}, ['b']], null, ['p', {key: 1}, ['c']]]]});
		await show({tree: ['main', {}, [['p', {key: 1}, ['c']]]]})`)
	p.want("[$('main').attributes.length - $('main').hasAttribute('style'), $('main').innerText, $('main').style.length]", []any{0, "c", 0})
}

func waitsForRelease(p tab) {
	p.run(`await show({tree: ['main', {}, ['before']]}); $('main').dispatchEvent(new PointerEvent('pointerdown', {bubbles: true})); await show({tree: ['main', {}, ['between']]}); await show({tree: ['main', {}, ['after']]}); window.changes = [];
		new MutationObserver((all) => { for (const m of all) changes.push(m.target.textContent); }).observe($('main'), {characterData: true, subtree: true, childList: true})`)
	p.want("$('main').textContent", "before")
	p.run(`document.dispatchEvent(new PointerEvent('pointerup')); await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))`)
	p.want("[$('main').textContent, ...changes]", []string{"after", "after"})
	p.run(`painter.paint({tree: ['main', {}, ['at once']]}); window.now = $('main').textContent`)
	p.want("now", "at once")
}

func customProperties(p tab) {
	p.run(`await show({tree: ['main', {css: {'--progress': '0.4', color: 'red', 'background-image': 'url(//x)'}}, []]})`)
	p.want("[$('main').style.length, $('main').style.getPropertyValue('--progress')]", []any{1, "0.4"})
}

func themes(p tab) {
	p.run(`await show({tree: ['main', {}, [['button', {class: 'button is-primary'}, ['Pay']]]]}); theme({primary: '#0b57d0'})`)
	p.media("light", "reduce")
	if got := js[string](p, "getComputedStyle($('button')).backgroundColor"); !strings.Contains(got, "11, 87, 208") {
		p.Errorf("the button is %s", got)
	}
}

func choosesByKey(p tab) {
	p.run(`await show({keys: {2: 'nth:2', '/': 'focus:nothing amount'}, tree: ['main', {}, [['input', {id: 'r', type: 'radio', 'aria-label': 'r'}], ['input', {id: 'amount', 'aria-label': 'a', prop: {value: '250'}}]]]}); $('#r').focus()`)
	p.run(`window.press = (key) => !document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}))`)
	p.want("[press('2'), press('/'), press('2')]", []bool{true, true, false}) // in a field 2 is a digit
	p.want("sent", [][]string{{"nth:2", ""}})
	p.want("[document.activeElement.id, document.activeElement.value, getSelection().toString()]", []string{"amount", "250", "250"})
}

func copies(p tab) {
	p.run(`const group = (g) => ['span', {class: 'group'}, [g]];
		await show({tree: ['main', {class: 'page'}, [['code', {class: 'address', id: 'a'}, ['0x', '8ba1', 'f109'].map(group)], ['span', {class: 'amount', id: 'b'}, [['span', {class: 'amount-value'}, ['1\u202f084.904']], '\u00a0', ['span', {class: 'amount-unit'}, ['ETH']]]]]]});
		window.copied = (id) => { getSelection().selectAllChildren($(id)); const data = new DataTransfer();
			const own = $(id).dispatchEvent(new ClipboardEvent('copy', {bubbles: true, cancelable: true, clipboardData: data}));
			return own ? getSelection().toString() : data.getData('text/plain'); }`)
	p.want("copied('#a')", "0x8ba1f109")
	p.want("copied('#b').replace('\u00a0', ' ')", "1084.904 ETH")
}

func reveals(p tab) {
	p.media("light", "reduce")
	p.run(`window.at = (reveal, height) => ({tree: ['main', {class: 'page'}, [['div', {css: {'--progress': '1'}}, Array.from({length: height}, (_, i) => ['p', {key: i}, ['line']])], ['section', {id: 's', reveal}, ['results']], ['div', {}, Array.from({length: 90}, (_, i) => ['p', {key: i}, ['line']])]]]});
		await show(at('1', 4))`)
	p.want("scrollY", 0)
	p.run("await show(at('1', 90)); await show(at('2', 90))")
	p.until("Math.abs($('#s').getBoundingClientRect().top) < innerHeight * 0.6")
	p.run("scrollTo(0, 0); await show(at('2', 91))")
	p.want("scrollY", 0)
}
