package frame

import (
	"strconv"

	"countersign/shared/fault"
)

// MaxQueued is how many messages a [Batcher] holds before it refuses more.
const MaxQueued = 1024

// Batcher collects outgoing messages and hands them out in frames that are as
// full as the limits allow. It does no I/O: its owner calls Next when the
// connection can take a frame. It is for one goroutine at a time.
type Batcher struct {
	queue [][]byte
}

// Add queues a message. It fails with what [Encode] would refuse, and with BUSY
// when the other side does not keep up.
func (b *Batcher) Add(m Message) error {
	if len(b.queue) >= MaxQueued {
		return fault.New(fault.Busy, strconv.Itoa(MaxQueued)+" messages wait to be sent")
	}
	raw, err := encodeMessage(m)
	if err != nil {
		return err
	}
	if len(raw)+2 > MaxFrame {
		return fault.New(fault.TooLarge, "the message does not fit into a frame of "+strconv.Itoa(MaxFrame)+" bytes")
	}
	b.queue = append(b.queue, raw)
	return nil
}

// Len is how many messages wait.
func (b *Batcher) Len() int { return len(b.queue) }

// Next returns the next frame, or nil when nothing waits.
func (b *Batcher) Next() []byte {
	if len(b.queue) == 0 {
		return nil
	}
	frame, n := []byte{'['}, 0
	for n < len(b.queue) && n < MaxMessages {
		if n > 0 {
			if len(frame)+len(",]")+len(b.queue[n]) > MaxFrame {
				break
			}
			frame = append(frame, ',')
		}
		frame = append(frame, b.queue[n]...)
		n++
	}
	b.queue = b.queue[n:]
	if len(b.queue) == 0 {
		b.queue = nil
	}
	return append(frame, ']')
}
