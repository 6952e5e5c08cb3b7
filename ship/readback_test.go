package ship

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"webproxy/audit"
)

// A fakeServer stands in for VictoriaLogs, and responds to queries as a test says.
type fakeServer struct {
	*httptest.Server
	collector *collector
	asked     atomic.Int64
	mu        sync.Mutex // guards respond
	respond   func(w http.ResponseWriter, c *collector)
}

func newFakeServer(t *testing.T, respond func(http.ResponseWriter, *collector)) *fakeServer {
	h := &fakeServer{collector: newCollector(t), respond: respond}
	mux := http.NewServeMux()
	mux.Handle("POST /vl/insert/opentelemetry/v1/logs", h.collector)
	mux.HandleFunc("POST /vl/select/logsql/query", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("query") == "" || r.Header.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("not a question: %v", r.Header)
		}
		h.asked.Add(1)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.respond(w, h.collector)
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func (h *fakeServer) responding(respond func(http.ResponseWriter, *collector)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.respond = respond
}

// honest responds with all items that arrived and for which keep is true, twice.
func honest(keep func(seq uint64) bool) func(http.ResponseWriter, *collector) {
	return func(w http.ResponseWriter, c *collector) {
		w.Header().Set("Content-Type", "application/stream+json")
		for _, text := range c.got() {
			var m struct {
				Type      string
				Seq, Size uint64
			}
			if err := json.Unmarshal([]byte(text), &m); err != nil || !keep(m.Seq+m.Size) {
				continue
			}
			row := fmt.Sprintf(`{"webproxy.type":%q,"webproxy.seq":"%d","hash":"%d"}`+"\n", m.Type, m.Seq+m.Size, bodyHash(text))
			io.WriteString(w, row+row)
		}
	}
}

func all(uint64) bool { return true }

func (h *fakeServer) spec(t *testing.T) ReceiverSpec {
	token := t.TempDir() + "/token"
	writeFile(t, token, "s3cret\n")
	return ReceiverSpec{VictoriaLogs: h.URL + "/vl", TokenFile: token, From: Oldest}
}

// With a hostile response to a query nothing counts as confirmed, what is read is bounded, and the operator is told why; once the
// responses are right, everything is confirmed.
func TestReadbackHostile(t *testing.T) {
	stream := func(text string) func(http.ResponseWriter, *collector) {
		return func(w http.ResponseWriter, _ *collector) {
			w.Header().Set("Content-Type", "application/stream+json")
			io.WriteString(w, text)
		}
	}
	for name, tt := range map[string]struct {
		respond func(http.ResponseWriter, *collector)
		want    string
	}{
		"a login page": {func(w http.ResponseWriter, _ *collector) { io.WriteString(w, "<html>Log in</html>") }, "is victorialogs its address"},
		"not allowed":  {func(w http.ResponseWriter, _ *collector) { http.Error(w, "no such token", http.StatusUnauthorized) }, "401 Unauthorized: no such token"},
		"elsewhere": {func(w http.ResponseWriter, _ *collector) {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		}, "redirections are not followed"},
		"breaks off":  {stream(`{"webproxy.seq":"1"`), "breaks off"},
		"an error":    {stream("{\"webproxy.type\":\"a\",\"webproxy.seq\":\"1\",\"hash\":\"1\"}\nout of memory\n"), "breaks off: out of memory"},
		"no hashes":   {stream(`{"webproxy.seq":"1"}` + "\n"), "has no hashes"},
		"a long line": {stream(strings.Repeat("x", maxRow+1)), "a line of more than"},
		"endless": {func(w http.ResponseWriter, _ *collector) {
			w.Header().Set("Content-Type", "application/stream+json")
			row := []byte(strings.Repeat(`{"webproxy.type":"egress.decision","webproxy.seq":"1","hash":"1"}`+"\n", 1000))
			for n := 0; n < 1<<20+len(row); n += len(row) {
				if _, err := w.Write(row); err != nil {
					return
				}
			}
		}, "more than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFakeServer(t, tt.respond)
			l := openSite(t, "oslo-1")
			write(t, l, 3)
			s := run(t, l, h.spec(t), after(20*time.Millisecond), func(s *Shipper) { s.readback.where.(*victoriaLogs).limit = 1 << 20 })
			eventually(t, "a failure is told", func() bool {
				return s.logged.FilterMessage("it cannot be found out which audit records the receiver has; they count as not shipped, and wait in the log").Len() > 0
			})
			if st := s.Stats(); st.Shipped != 0 || st.LagRecords != 3 || st.Errors == 0 {
				t.Errorf("stats %+v", st)
			}
			if said := fmt.Sprint(s.logged.All()[s.logged.Len()-1].ContextMap()); !strings.Contains(said, tt.want) || strings.Contains(said, "s3cret") {
				t.Errorf("said %s\nwant %q", said, tt.want)
			}
			h.responding(honest(all))
			eventually(t, "all counts", func() bool { return s.Stats().LagRecords == 0 && s.Stats().Shipped == 3 })
			s.wantLogged(t, "audit records are confirmed again")
		})
	}
}

// What a receiver acknowledges and does not have is sent again from the log, and only that.
func TestReadbackSendsAgain(t *testing.T) {
	t.Parallel()
	h := newFakeServer(t, nil)
	sent := func() map[uint64]int {
		times := map[uint64]int{}
		for _, n := range seqs(h.collector.got()) {
			times[n]++
		}
		return times
	}
	lost := func(seq uint64) bool { return seq%100 == 7 } // when it comes first
	h.responding(func(w http.ResponseWriter, c *collector) {
		times := sent()
		honest(func(seq uint64) bool { return !lost(seq) || times[seq] > 1 })(w, c)
	})
	l := openSite(t, "oslo-1")
	write(t, l, 1000)
	s := run(t, l, h.spec(t), after(20*time.Millisecond))
	eventually(t, "all counts", func() bool { return s.Stats().LagRecords == 0 })
	s.stop()
	times := sent()
	for n := uint64(1); n <= 1000; n++ {
		if want := times[n] > 1; want != lost(n) || times[n] == 0 {
			t.Fatalf("record %d was sent %d times", n, times[n])
		}
	}
	if st := s.Stats(); st.Shipped != 1000 || st.Missing+st.Refused != 0 || st.Resent < 10 {
		t.Errorf("stats %+v", st)
	}
}

// A record that is never kept, though others are that were sent no earlier, does not hold up the others for ever: it is
// given up, counted and stated in the log.
func TestReadbackGivesUp(t *testing.T) {
	t.Parallel()
	h := newFakeServer(t, honest(func(seq uint64) bool { return seq != 5 }))
	l := openSite(t, "oslo-1")
	write(t, l, 10)
	s := run(t, l, h.spec(t), after(2*time.Millisecond))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	eventually(t, "it is given up", func() bool {
		if s.Stats().Refused == 0 {
			write(t, l, 1) // others, which are kept
		}
		return s.Stats().Refused == 1 && s.Stats().LagRecords == 0
	})
	s.stop()
	if n := slices.Index(seqs(h.collector.got()), 5); n < 0 {
		t.Error("it was never sent")
	}
	var told *audit.Record
	if _, err := audit.Scan(l.Dir(), audit.ScanOptions{}, func(r audit.Record) error {
		if r.Type == audit.TypeShip {
			told = &r
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if told == nil || told.FirstSeq != 5 || told.LastSeq != 5 || !strings.Contains(told.Detail, "test did not get record 5: it acknowledged them") {
		t.Errorf("told %+v", told)
	}
}

// With a receiver that keeps nothing, no record is given up: all stay at the site.
func TestReadbackOfNothing(t *testing.T) {
	t.Parallel()
	h := newFakeServer(t, honest(func(uint64) bool { return false }))
	l := openSite(t, "oslo-1")
	write(t, l, 10)
	s := run(t, l, h.spec(t), after(time.Millisecond))
	eventually(t, "they were sent often", func() bool { return s.Stats().Resent > 10*(giveUpAfter+3) })
	if st := s.Stats(); st.Refused+st.Missing+st.Shipped != 0 || st.LagRecords != 10 {
		t.Errorf("stats %+v", st)
	}
}

// However much is sent and not found, memory is bounded, and the rest waits in the log.
func TestReadbackBounds(t *testing.T) {
	r := newReadback(&Shipper{}, nil, time.Minute)
	var items []item
	for seq := range uint64(batchItems) {
		items = append(items, item{record: audit.Record{Seq: seq + 1, Time: time.Unix(1, 0)}, line: "x", through: seq + 1})
	}
	n := 0
	for ; !r.full(); n++ {
		r.add(items)
	}
	if n != unconfirmedItems/batchItems {
		t.Errorf("full after %d batches", n)
	}
	r.forget()
	for n = 0; !r.full(); n++ {
		r.add(items[:1])
	}
	if n != unconfirmedBatches {
		t.Errorf("full after %d small batches", n)
	}
	// What is due is asked for in parts.
	r.forget()
	for range unconfirmedItems / batchItems {
		r.add(items)
	}
	some, next := r.some(0, r.now().Add(time.Hour))
	if len(some) != lookItems/batchItems || next != len(some) {
		t.Errorf("%d batches are asked for at once, then from %d on", len(some), next)
	}
	if some, _ := r.some(0, r.now()); len(some) != 0 {
		t.Error("what was just sent is looked for")
	}
}
