package ship

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
)

const (
	ingestPath = "insert/opentelemetry/v1/logs"
	queryPath  = "select/logsql/query"

	// queryTimeout bounds one query with its response, maxFound the bytes of the response, maxRow those of one of its
	// lines.
	queryTimeout = 20 * time.Second
	maxFound     = 64 << 20
	maxRow       = 64 << 10
)

// victoriaLogsHeaders make VictoriaLogs keep what the fleet commands search by: a stream for each type of each site, so that
// a question about one reads no other, and no field that says what another does.
var victoriaLogsHeaders = map[string]string{
	"VL-Stream-Fields": "webproxy.site,webproxy.type",
	"VL-Ignore-Fields": "event_name,scope.name,scope.version,severity_number,service.name",
}

// A victoriaLogs queries a VictoriaLogs for what it has of one site.
type victoriaLogs struct {
	otlp  *otlp
	url   string // for questions
	site  string
	limit int64 // of an answer, in bytes
}

// newVictoriaLogs makes o, the way to the receiver that r describes, one to a VictoriaLogs.
func newVictoriaLogs(o *otlp, r *ReceiverSpec, site string) *victoriaLogs {
	o.url = r.address().JoinPath(ingestPath).String()
	o.ingest, o.source.site = victoriaLogsHeaders, site
	return &victoriaLogs{otlp: o, url: r.address().JoinPath(queryPath).String(), site: site, limit: maxFound}
}

// A found is what identifies something that was sent: its number, which that of a checkpoint's last record is too, and a hash of what was sent.
type found struct {
	checkpoint bool
	seq        uint64
	hash       uint64
}

// hashBits are those that LogsQL keeps of a hash: it takes all numbers for floating point.
const hashBits = 1<<53 - 1

// bodyHash is what LogsQL's pipe hash gives for line.
func bodyHash(line string) uint64 { return xxhash.Sum64String(line) & hashBits }

// look calls each with everything that VictoriaLogs has of the site from one number to another, and from one time of records to
// another. It may be called with one thing more than once, and if VictoriaLogs is not honest with anything.
func (v *victoriaLogs) look(ctx context.Context, first, last uint64, from, to time.Time, each func(found)) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	const layout = "2006-01-02T15:04:05.000Z"
	// Times are those of records, to the millisecond. Further results of the filter do not matter.
	logsql := fmt.Sprintf(`_time:[%s,%s] {"webproxy.site"=%s} "webproxy.seq":>=%d "webproxy.seq":<=%d | hash(_msg) as hash | uniq by ("webproxy.type","webproxy.seq",hash)`,
		from.UTC().Add(-time.Second).Format(layout), to.UTC().Add(time.Second).Format(layout), strconv.Quote(v.site), first, last)
	form := url.Values{"query": {logsql}, "timeout": {strconv.Itoa(int(queryTimeout/time.Second)) + "s"}}
	req, err := v.otlp.ask(ctx, v.url, []byte(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.otlp.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode != http.StatusOK:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, answerLimit)) // what there is of it
		return newAnswerError(resp, text)
	case kind != "application/stream+json":
		text, _ := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
		return fmt.Errorf("the answer to a query is %q, and not what VictoriaLogs answers; is victorialogs its address, and not that of a page before it? It says: %s", clean([]byte(kind)), clean(text))
	}
	return readFound(resp.Body, v.limit, each)
}

// readFound reads a response, a line of JSON for each row.
func readFound(body io.Reader, limit int64, each func(found)) error {
	limited := &io.LimitedReader{R: body, N: limit}
	in := bufio.NewReaderSize(limited, maxRow)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case limited.N <= 0:
			return fmt.Errorf("the answer to a query has more than %d MiB", limit>>20)
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("the answer to a query has a line of more than %d KiB", maxRow>>10)
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("the answer to a query breaks off: %w", err)
		case err != nil:
			return fmt.Errorf("the answer to a query breaks off: %s", clean(line))
		}
		var row struct {
			Type string `json:"webproxy.type"`
			Seq  string `json:"webproxy.seq"`
			Hash string `json:"hash"`
		}
		if len(line) == 1 {
			continue
		}
		if err := json.Unmarshal(line, &row); err != nil { // an error after the response has begun is in its body
			return fmt.Errorf("the answer to a query breaks off: %s", clean(line))
		}
		seq, err := strconv.ParseUint(row.Seq, 10, 64)
		if err != nil {
			continue // not sent by this proxy
		}
		hash, err := strconv.ParseUint(row.Hash, 10, 64)
		if err != nil {
			return fmt.Errorf("the answer to a query has no hashes: %s; is it an older VictoriaLogs? docs/fleet.md says which version is known to work", clean(line))
		}
		each(found{row.Type == string(typeCheckpoint), seq, hash})
	}
}
