package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"webproxy/audit"
)

// A Feed sends requests to viewers as they are recorded: a frame each half second, the same for all with the same filter.
// The zero Feed is ready for use. It is safe for concurrent use.
type Feed struct {
	mu       sync.Mutex // guards all below
	channels map[string]*channel
	viewers  int
}

const (
	// frameEvery is how often there is a frame, frameRows how many requests are in it.
	frameEvery = 500 * time.Millisecond
	frameRows  = 20
	// maxViewers and maxFilters bound the cost of viewers.
	maxViewers = 256
	maxFilters = 32
	// waiting is how many frames may wait for a viewer; with more it is dropped.
	waiting = 4
)

// A channel is the viewers with one filter.
type channel struct {
	query   *audit.Query
	rows    []Event
	more    int
	viewers map[*Viewer]struct{}
}

// A Viewer receives frames. Frames is closed if it was too slow, or when the feed ends.
type Viewer struct {
	Frames <-chan []byte

	frames chan []byte
	feed   *Feed
	filter string
}

// ErrCrowded means that there are too many viewers or filters.
var ErrCrowded = errors.New("too many viewers already")

// Watch returns a new viewer of the requests that q matches. The caller must call Leave.
func (f *Feed) Watch(q *audit.Query) (*Viewer, error) {
	filter := ""
	if q != nil {
		filter = q.String()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.channels[filter]
	if f.viewers >= maxViewers || c == nil && len(f.channels) >= maxFilters {
		return nil, ErrCrowded
	}
	if c == nil {
		c = &channel{query: q, viewers: map[*Viewer]struct{}{}}
		if f.channels == nil {
			f.channels = map[string]*channel{}
		}
		f.channels[filter] = c
	}
	frames := make(chan []byte, waiting)
	v := &Viewer{Frames: frames, frames: frames, feed: f, filter: filter}
	c.viewers[v] = struct{}{}
	f.viewers++
	return v, nil
}

// Leave ends v. It may be called again.
func (v *Viewer) Leave() {
	v.feed.mu.Lock()
	defer v.feed.mu.Unlock()
	v.feed.drop(v)
}

// drop ends v. f.mu is held.
func (f *Feed) drop(v *Viewer) {
	c := f.channels[v.filter]
	if c == nil {
		return
	}
	if _, there := c.viewers[v]; !there {
		return
	}
	delete(c.viewers, v)
	close(v.frames)
	f.viewers--
	if len(c.viewers) == 0 {
		delete(f.channels, v.filter)
	}
}

// Viewers is the number of viewers.
func (f *Feed) Viewers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.viewers
}

// add adds a record to the next frames. Its Event is made once, and only if a viewer wants it.
func (f *Feed) add(r *audit.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.channels) == 0 || requests(r) == 0 {
		return
	}
	var e Event
	made := false
	for _, c := range f.channels {
		if !c.query.Match(r) {
			continue
		}
		if len(c.rows) >= frameRows {
			c.more++
			continue
		}
		if !made {
			e, made = eventOf(r)
		}
		c.rows = append(c.rows, e)
	}
}

// A frame is what viewers get.
type frame struct {
	Rows []Event `json:"rows"`
	More int     `json:"more"` // requests since the last frame that are not among Rows
}

// Run sends frames until ctx is done; then all viewers end.
func (f *Feed) Run(ctx context.Context) {
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, c := range f.channels {
				for v := range c.viewers {
					f.drop(v)
				}
			}
			return
		case <-tick.C:
			f.flush()
		}
	}
}

// flush sends a frame to each channel with new requests.
func (f *Feed) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.channels {
		if len(c.rows) == 0 {
			continue
		}
		data, err := json.Marshal(frame{c.rows, c.more})
		c.rows, c.more = c.rows[:0], 0
		if err != nil {
			continue // cannot fail: only texts and numbers
		}
		text := fmt.Appendf(nil, "data: %s\n\n", data)
		for v := range c.viewers {
			select {
			case v.frames <- text:
			default:
				f.drop(v)
			}
		}
	}
}
