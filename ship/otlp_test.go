package ship

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"webproxy/audit"
)

// A collector is a receiver of OTLP. Its messages are decoded by OpenTelemetry's own code.
type collector struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex // guards what follows
	texts    []string
	requests int
	last     *http.Request
	// respond, if not nil, may respond a request of records with these lines itself: a status other than
	// 0. What it responds to with 200 is not kept either.
	respond func(w http.ResponseWriter, r *http.Request, texts []string) bool
}

func newCollector(t *testing.T) *collector {
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data := decode(c.t, r)
	var texts []string
	for _, rl := range data.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, rec := range sl.LogRecords {
				texts = append(texts, rec.Body.GetStringValue())
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.last = r
	if c.respond != nil && c.respond(w, r, texts) {
		return
	}
	c.texts = append(c.texts, texts...)
}

// decode reads a request. A message of logs has the numbers of a request.
func decode(t *testing.T, r *http.Request) *logs.LogsData {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return nil
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	var data logs.LogsData
	if err := proto.Unmarshal(b, &data); err != nil || len(data.ProtoReflect().GetUnknown()) > 0 || r.Header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("not a request: %v, %v", err, r.Header)
	}
	return &data
}

func (c *collector) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.texts)
}

// responding sets what responds from now on.
func (c *collector) responding(respond func(w http.ResponseWriter, r *http.Request, texts []string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.respond = respond
}

func TestOTLP(t *testing.T) {
	l := openLog(t, audit.Options{})
	c := newCollector(t)
	s := run(t, l, ReceiverSpec{OTLP: c.URL, From: Oldest, Headers: map[string]string{"X-Scope-OrgID": "hci"}})
	write(t, l, 2000)
	eventually(t, "all comes", func() bool { return s.Stats().LagRecords == 0 })
	s.stop()
	wantAll(t, c.got(), 2000)
	if n := len(c.got()); n != 2000 || c.requests > 1000 {
		t.Errorf("%d records in %d requests, want each once", n, c.requests)
	}
	if h := c.last.Header; c.last.URL.Path != "/v1/logs" || h.Get("X-Scope-OrgID") != "hci" || h.Get("User-Agent") != "webproxy/1.2.3" ||
		h.Get("Content-Encoding") != "gzip" {
		t.Errorf("%s %v", c.last.URL, h)
	}
}

// One message, field by field.
func TestOTLPMessage(t *testing.T) {
	r := decision()
	r.ID, r.Decision, r.Site, r.Path, r.Status = "7Q3F9K", "deny", "site-01", "/x", 403
	i := newItem(t, r)
	ship := newItem(t, audit.Record{Type: audit.TypeShip, Detail: "x"})
	source := otlpSource{host: "proxy1", version: "1.2.3"}
	var data logs.LogsData
	if err := proto.Unmarshal(source.appendRequest(nil, []item{i, ship}), &data); err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(&data)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "otlp.json")
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil { // protojson's own form is not stable
		t.Fatal(err)
	}
	b.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, b.Bytes()) {
		t.Errorf("got %s\n%v", b.String(), err)
	}
}

// After an outage, all records are sent.
func TestOTLPOutage(t *testing.T) {
	l := openLog(t, audit.Options{})
	c := newCollector(t)
	elsewhere := newCollector(t)
	s := run(t, l, ReceiverSpec{OTLP: c.URL + "/otlp/v1/logs", From: Oldest, Compression: None})
	n := 0
	for _, tt := range []struct {
		status int
		want   string // in the trouble that is logged
	}{
		{503, "responds 503 Service Unavailable: too much"}, {429, "429"}, {500, "500"}, {401, "401 Unauthorized"}, {404, "404"},
		{400, "400 Bad Request: too much"}, {413, "413"}, {307, "redirections are not followed"}, {204, "204"},
	} {
		failed := s.Stats().Errors
		s.logged.TakeAll()
		c.responding(func(w http.ResponseWriter, r *http.Request, _ []string) bool {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(tt.status)
			if tt.status != 307 {
				fmt.Fprint(w, "too\n much")
			}
			return true
		})
		write(t, l, 30)
		n += 30
		eventually(t, fmt.Sprintf("attempts fail with %d", tt.status), func() bool { return s.Stats().Errors > failed+2 })
		if got := s.logged.All(); !slices.ContainsFunc(got, func(e entryOf) bool { return strings.Contains(errorIn(e), tt.want) }) {
			t.Errorf("%d: logged %v", tt.status, got)
		}
		c.responding(nil)
		eventually(t, "all comes", func() bool { return s.Stats().LagRecords == 0 })
	}
	s.stop()
	wantAll(t, c.got(), uint64(n))
	if st := s.Stats(); len(c.got()) != n || st.Refused+st.Missing != 0 || int(st.Shipped) != n || len(elsewhere.got()) != 0 {
		t.Errorf("%d records came, of %d, %d elsewhere; stats %+v", len(c.got()), n, len(elsewhere.got()), st)
	}
}

func TestRetryAfter(t *testing.T) {
	s := &Shipper{pace: quick()}
	s.trouble.count = 1
	rec := httptest.NewRecorder()
	rec.Header().Set("Retry-After", "7")
	rec.WriteHeader(503)
	if got := s.backoff(newResponseError(rec.Result(), nil)).Seconds(); got != 7 {
		t.Errorf("waits %v s, want 7", got)
	}
	s.pace = usualPace()
	for i, want := range []float64{1, 2, 4, 8, 16, 32, 60, 60} {
		s.trouble.count = i + 1
		if got := s.backoff(io.EOF).Seconds(); got != want {
			t.Errorf("attempt %d waits %v s, want %v", i+1, got, want)
		}
	}
}

// A record that the receiver refuses does not block others, and is reported.
func TestOTLPRefused(t *testing.T) {
	l := openLog(t, audit.Options{})
	c := newCollector(t)
	refusing := func(status int, poison ...uint64) {
		c.responding(func(w http.ResponseWriter, _ *http.Request, texts []string) bool {
			for _, seq := range poison {
				if has(texts, seq) {
					w.Header().Set("Content-Type", "application/x-protobuf")
					w.WriteHeader(status)
					b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3) // google.rpc.Status
					w.Write(protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), "no such\nfield"))
					return true
				}
			}
			return false
		})
	}
	refusing(400, 3, 97, 98, 450)
	write(t, l, 500)
	s := run(t, l, ReceiverSpec{OTLP: c.URL, From: Oldest}, func(s *Shipper) { s.pace.tell = patience })
	eventually(t, "all others come", func() bool { return s.Stats().LagRecords == 0 && s.Stats().Refused == 4 && l.LastSeq() > 500 })
	// One alone is not given up: it may be that the receiver takes nothing now.
	next := l.LastSeq() + 1
	refusing(413, next)
	failed := s.Stats().Errors
	write(t, l, 1)
	eventually(t, "attempts fail", func() bool { return s.Stats().Errors > failed+3 })
	if st := s.Stats(); st.Refused != 4 {
		t.Errorf("stats %+v", st)
	}
	write(t, l, 1)
	eventually(t, "it is given up", func() bool { return s.Stats().Refused == 5 && s.Stats().LagRecords == 0 })
	s.stop()
	got := seqs(c.got())
	for seq := uint64(1); seq <= l.LastSeq(); seq++ {
		if poison := slices.Contains([]uint64{3, 97, 98, 450, next}, seq); slices.Contains(got, seq) == poison {
			t.Errorf("seq %d came: %v", seq, !poison)
		}
	}
	var said []string
	for line := range logLines(t, l.Dir()) {
		if strings.Contains(line, `"type":"system.ship"`) {
			said = append(said, line)
		}
	}
	if len(said) != 2 || !strings.Contains(said[0], `"first_seq":3,"last_seq":`) ||
		!strings.Contains(said[0], `it does not take them: the receiver responds 400 Bad Request: no such field"`) {
		t.Errorf("said in the log: %s", said)
	}
}

// A receiver takes a request but not all that is in it, and does not say what.
func TestPartialSuccess(t *testing.T) {
	l := openLog(t, audit.Options{})
	c := newCollector(t)
	taken := make(chan []uint64, 1) // what came in that request: how many it has depends on when the log was read
	c.responding(func(w http.ResponseWriter, _ *http.Request, texts []string) bool {
		if !has(texts, 5) {
			return false
		}
		taken <- seqs(texts)
		part := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
		part = protowire.AppendString(protowire.AppendTag(part, 2, protowire.BytesType), "too old\x1b[31m")
		w.Write(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), part))
		return true
	})
	write(t, l, 10)
	s := run(t, l, ReceiverSpec{OTLP: c.URL, From: Oldest})
	eventually(t, "it is told", func() bool { return s.Stats().Refused == 2 && s.Stats().LagRecords == 0 && l.LastSeq() > 10 })
	s.stop()
	came := <-taken
	want := fmt.Sprintf(`test did not get 2 records from %d to %d: it does not take them: too old`, came[0], came[len(came)-1])
	if last := c.got()[len(c.got())-1]; !strings.Contains(last, want) || strings.Contains(last, "u001b") {
		t.Errorf("the last record is %s, want in it %s", last, want)
	}
}

// The token is read for each request, and stands in no message.
func TestToken(t *testing.T) {
	l := openLog(t, audit.Options{})
	c := newCollector(t)
	path := filepath.Join(t.TempDir(), "token")
	put := func(text string) { writeFile(t, path, text) }
	c.responding(func(w http.ResponseWriter, r *http.Request, _ []string) bool {
		if r.Header.Get("Authorization") == "Bearer s3cret" {
			return false
		}
		w.WriteHeader(401)
		return true
	})
	put("stale\n")
	s := run(t, l, ReceiverSpec{OTLP: c.URL, From: Oldest, TokenFile: path})
	write(t, l, 3)
	eventually(t, "attempts fail", func() bool { return s.Stats().Errors > 1 })
	put("two words")
	failed := s.Stats().Errors
	eventually(t, "attempts fail", func() bool { return s.Stats().Errors > failed+1 })
	put("s3cret\r\n")
	eventually(t, "all comes", func() bool { return s.Stats().LagRecords == 0 })
	for _, e := range s.logged.All() {
		if strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), "two words") {
			t.Errorf("the log has the token: %v", e)
		}
	}
}

// Reading a response ends, whatever is in it.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("\x0a\x04\x08\x02\x12\x00"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, why := partialSuccess(body)
		if text := why + clean([]byte(rpcMessage(body))); n < 0 || strings.ContainsAny(text, "\n\x1b") || len(text) > 1000 {
			t.Errorf("%d, %q", n, text)
		}
	})
}
