package dashboard

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"time"

	"webproxy/internal/wording"
	"webproxy/live"
)

// A liveBody is the page of current requests.
type liveBody struct {
	Events []live.Event
	ByHost bool
	Source string // of events, for the script
	Hosts  *table
	Cmd    string
}

func (p *Pages) live(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	f := filterOf(v, false)
	b := liveBody{ByHost: v.Get("by") == "host", Cmd: "webproxy audit tail -f " + f.expression("")}
	if f.Text == "" {
		b.Cmd = "webproxy audit tail -f"
	}
	if b.ByHost {
		b.Hosts = eventsByHost(p.Live.Recent(live.Kept, f.matches), f)
		if export(w, r, b.Hosts) {
			return
		}
		b.Hosts.page(r.URL)
	} else {
		b.Events = p.Live.Recent(pageRows, f.matches)
		if export(w, r, eventTable(b.Events, b.Cmd)) {
			return
		}
	}
	w.Header().Set("X-Accel-Buffering", "no")
	p.render(w, r, "live", "Live", f, 0, &b)
}

func eventTable(events []live.Event, cmd string) *table {
	t := &table{Name: "live", Command: cmd, Heads: []head{{"ts", "Time", "t"}, {"client", "Client", "c"}, {"group", "Group", ""}, {"method", "Method", ""},
		{"target", "Target", "h"}, {"decision", "Decision", ""}, {"reason", "Reason", "w"}, {"rule", "Rule", "w"}, {"id", "Id", ""}}}
	for _, e := range events {
		t.Rows = append(t.Rows, row{"", []cell{{Value: e.Time}, text(e.Client), text(e.Group), text(e.Method), text(e.Target), text(e.Decision),
			text(e.Reason), text(e.Rule), text(e.ID)}})
	}
	return t
}

// eventsByHost counts the last requests by target and decision.
func eventsByHost(events []live.Event, f *filter) *table {
	t := &table{Name: "live", Empty: "Nothing passed.", Heads: []head{{"target", "Target", "h"}, {"decision", "Decision", ""}, {"reason", "Reason", "w"},
		{"requests", "Requests", "n"}, {"last", "Last", "t"}}}
	if n := len(events); n > 0 {
		t.Caption = "Of the last " + wording.Plural(n, "record") + " about requests"
		t.Command = "webproxy audit query " + f.expression("") + " --since " + events[n-1].Time.UTC().Format(time.RFC3339) + " --by host,port,decision,reason"
	}
	type key struct{ target, decision, reason string }
	at := map[key]int{}
	counts := []uint64{}
	for _, e := range events {
		k := key{e.Target, e.Decision, e.Reason}
		i, ok := at[k]
		if !ok {
			i = len(t.Rows)
			at[k] = i
			counts = append(counts, 0)
			t.Rows = append(t.Rows, row{"", []cell{{Text: e.Target, Link: "/why?q=" + e.ID}, {Text: e.Decision, Class: e.Decision}, text(e.Reason), {}, moment(e.Time)}})
		}
		counts[i] += uint64(max(e.Count, 1))
	}
	for i := range t.Rows {
		t.Rows[i].Cells[3] = number(counts[i])
		t.Rows[i].Key = rankKey(counts[i], t.Rows[i].Cells[0].Text, t.Rows[i].Cells[1].Text)
	}
	slices.SortFunc(t.Rows, func(a, b row) int { return cmp.Compare(a.Key, b.Key) })
	return t
}

// stalledAfter is how long a viewer may take for a frame, or up to a second less.
const stalledAfter = 5 * time.Second

// streamBuffer is the socket buffer, in bytes, for what a viewer has not read; Linux doubles it.
const streamBuffer = 24 << 10

type connKey struct{}

// ConnContext is for http.Server: with it, the socket buffer of a viewer of Live who does not read is bounded.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// boundStream bounds the socket buffer of the response to r.
func boundStream(r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if c, ok := c.(*net.TCPConn); ok {
		c.SetWriteBuffer(streamBuffer) // on an error, the buffer is only larger
	}
}

// events sends frames until the viewer leaves, or is too slow.
func (p *Pages) events(w http.ResponseWriter, r *http.Request) {
	f := filterOf(r.URL.Query(), false)
	if f.Wrong != "" {
		http.Error(w, f.Wrong, http.StatusBadRequest)
		return
	}
	viewer, err := p.Feed.Watch(f.Query)
	if err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer viewer.Leave()
	w.Header().Set("Content-Type", "text/event-stream")
	// Not in chunks, which net/http copies and writes in two parts: so a frame is one write, of bytes that all viewers share.
	w.Header().Set("Transfer-Encoding", "identity")
	boundStream(r)
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Time{}) != nil { // the server's deadline would end the stream
		return
	}
	var limit time.Time
	send := func(data []byte) bool {
		// Instead of the server's limit on a whole response, which a stream exceeds. Once a second is enough.
		if now := time.Now(); limit.Sub(now) < stalledAfter-time.Second {
			limit = now.Add(stalledAfter)
			if c.SetWriteDeadline(limit) != nil {
				return false
			}
		}
		if _, err := w.Write(data); err != nil {
			return false
		}
		return c.Flush() == nil
	}
	if !send([]byte("retry: 2000\n\n")) {
		return
	}
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		data := []byte(": \n\n")
		select {
		case <-r.Context().Done():
			return
		case <-beat.C: // detects that the viewer is gone
			if !p.stillAdmitted(r) {
				return
			}
		case frame, ok := <-viewer.Frames:
			if !ok {
				return
			}
			data = frame
		}
		if !send(data) {
			return
		}
	}
}
