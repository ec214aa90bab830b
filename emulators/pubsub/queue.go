package pubsub

import (
	"container/heap"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// delivery is a message on its way to one subscription.
type delivery struct {
	message  *pubsubpb.PubsubMessage
	attempts int       // begun so far; they start anew with the process
	due      time.Time // of the next attempt
	index    int       // in the queue; outside while a push is in flight
}

const outside = -1

// queue is a heap of deliveries, the first due on top.
type queue []*delivery

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for container/heap.
func (q *queue) Push(x any) {
	d := x.(*delivery) // schedule pushes nothing else
	d.index = len(*q)
	*q = append(*q, d)
}

// Pop is for container/heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	d := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	d.index = outside
	return d
}

// add makes a message pending and due at once.
func (s *subscription) add(message *pubsubpb.PubsubMessage) {
	d := &delivery{message: message, index: outside}
	s.pending[message.GetMessageId()] = d
	s.schedule(d, time.Now())
}

// schedule puts a delivery into the queue, or moves it there.
func (s *subscription) schedule(d *delivery, due time.Time) {
	d.due = due
	if d.index == outside {
		heap.Push(&s.queue, d)
	} else {
		heap.Fix(&s.queue, d.index)
	}
	s.notify()
}

// due answers the first delivery whose time has come, or how long it takes.
func (s *subscription) due(now time.Time) (*delivery, time.Duration) {
	if len(s.queue) == 0 {
		return nil, idle
	}
	first := s.queue[0]
	if first.due.After(now) {
		return nil, first.due.Sub(now)
	}
	return first, 0
}

// idle is how long to wait when nothing is due; any change ends it.
const idle = time.Hour

// unqueue takes a delivery out of the queue; it stays pending.
func (s *subscription) unqueue(d *delivery) {
	if d.index != outside {
		heap.Remove(&s.queue, d.index)
	}
}

// remove forgets a message; it is true if it was pending.
func (s *subscription) remove(id string) bool {
	d, ok := s.pending[id]
	if ok {
		s.unqueue(d)
		delete(s.pending, id)
	}
	return ok
}

// notify wakes all who wait for something to do.
func (s *subscription) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}
