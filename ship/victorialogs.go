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

	// queryTimeout bounds one query with its response, maxFound the size of the response, maxRow that of one of its lines, both
	// in bytes.
	queryTimeout = 20 * time.Second
	maxFound     = 64 << 20
	maxRow       = 64 << 10
)

// victoriaLogsHeaders make VictoriaLogs keep what the fleet commands search by: a stream for each type of each site, so that a
// query for one reads no other, and no redundant fields.
var victoriaLogsHeaders = map[string]string{
	"VL-Stream-Fields": "webproxy.site,webproxy.type",
	"VL-Ignore-Fields": "event_name,scope.name,scope.version,severity_number,service.name",
}

// A victoriaLogs queries a VictoriaLogs for what it has of one site.
type victoriaLogs struct {
	otlp  *otlp
	url   string // for queries
	site  string
	limit int64 // of a response, in bytes
}

// newVictoriaLogs makes o, the sink for r, send to a VictoriaLogs.
func newVictoriaLogs(o *otlp, r *ReceiverSpec, site string) *victoriaLogs {
	o.url = r.address().JoinPath(ingestPath).String()
	o.ingest, o.source.site = victoriaLogsHeaders, site
	return &victoriaLogs{otlp: o, url: r.address().JoinPath(queryPath).String(), site: site, limit: maxFound}
}

// A found identifies a record or checkpoint that was sent: by its number, for a checkpoint that of its last record, and a hash of
// its line.
type found struct {
	checkpoint bool
	seq        uint64
	hash       uint64
}

// hashBits are the bits of a hash that LogsQL keeps: its numbers are floating point.
const hashBits = 1<<53 - 1

// bodyHash is the hash of line as LogsQL's pipe hash computes it.
func bodyHash(line string) uint64 { return xxhash.Sum64String(line) & hashBits }

// look calls each with all that VictoriaLogs has of the site, with numbers from first to last and times of records from from to
// to. each may be called more than once for one record, and with anything if VictoriaLogs is hostile.
func (v *victoriaLogs) look(ctx context.Context, first, last uint64, from, to time.Time, each func(found)) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	const layout = "2006-01-02T15:04:05.000Z"
	// Times are those of records, in milliseconds; a second more on each side does no harm.
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
		text, _ := io.ReadAll(io.LimitReader(resp.Body, responseLimit)) // as much as there is
		return newResponseError(resp, text)
	case kind != "application/stream+json":
		text, _ := io.ReadAll(io.LimitReader(resp.Body, responseLimit))
		return fmt.Errorf("the response to a query is %q, and not what VictoriaLogs sends; is victorialogs its address, and not that of a page before it? It says: %s", clean([]byte(kind)), clean(text))
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
			return fmt.Errorf("the response to a query has more than %d MiB", limit>>20)
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("the response to a query has a line of more than %d KiB", maxRow>>10)
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("the response to a query breaks off: %w", err)
		case err != nil:
			return fmt.Errorf("the response to a query breaks off: %s", clean(line))
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
			return fmt.Errorf("the response to a query breaks off: %s", clean(line))
		}
		seq, err := strconv.ParseUint(row.Seq, 10, 64)
		if err != nil {
			continue // not sent by this proxy
		}
		hash, err := strconv.ParseUint(row.Hash, 10, 64)
		if err != nil {
			return fmt.Errorf("the response to a query has no hashes: %s; is it an older VictoriaLogs? docs/fleet.md says which version is known to work", clean(line))
		}
		each(found{row.Type == string(typeCheckpoint), seq, hash})
	}
}
