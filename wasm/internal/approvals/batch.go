package approvals

import "countersign/shared/fault"

// Item is one of several requests that are decided at once.
type Item struct {
	Request string
	Over    bool
	Done    int          // approvals that count, after the receipt
	Needed  int          // approvals that are needed
	Err     *fault.Error // why it was not recorded
}

// Counted notes how many of several are over at the bridge.
func (f Flow) Counted(done, of int) Flow {
	f = f.Advance(Signed)
	f.Ask, f.Where, f.Shown, f.Done, f.Needed = "", "", "", done, of
	return f
}

// Ended notes how one of several ended, with the text that the person read when it
// was signed. After the last one the flow is over; it has failed when none was
// recorded.
func (f Flow) Ended(i Item, text string, err error) Flow {
	if i.Over = true; err != nil {
		i.Err = asFault(err)
	} else {
		f.Text = text
	}
	items, left, recorded := make([]Item, len(f.Items)), 0, 0
	for k, now := range f.Items {
		if now.Request == i.Request && !now.Over {
			now = i
		}
		items[k] = now
		switch {
		case !now.Over:
			left++
		case now.Err == nil:
			recorded++
		}
	}
	f.Items = items
	switch {
	case left > 0:
		return f
	case recorded == 0:
		return f.Fail(i.Err)
	}
	f = f.Advance(Verified)
	f.Done, f.Needed, f.Where, f.Shown, f.Stopping = recorded, len(items), "", "", false
	return f
}
