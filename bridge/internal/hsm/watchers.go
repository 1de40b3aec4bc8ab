package hsm

import "sync"

// watchers are those who want to know when tokens come and go. The zero value is
// ready.
type watchers struct {
	mu   sync.Mutex
	all  map[int]func(Change)
	next int
}

func (w *watchers) add(changed func(Change)) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[int]func(Change){}
	}
	w.next++
	id := w.next
	w.all[id] = changed
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, id)
	}
}

func (w *watchers) tell(c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, changed := range w.all {
		changed(c)
	}
}
