package fleet

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"webproxy/audit"
)

// A kind is records of one site that are alike. There are many, so a kind has no audit.Record, but what makes one.
type kind struct {
	kind             audit.Type
	values           []string  // of the fields of the count, in their order
	at               time.Time // the first, or the beginning of the bucket
	records, out, in uint64
	span             audit.Span
}

func (k *kind) merge(o *kind) {
	k.records, k.out, k.in = k.records+o.records, k.out+o.out, k.in+o.in
	k.span.Include(o.span)
}

// A siteSlice is what VictoriaLogs says of one site in one slice.
type siteSlice struct {
	numbers
	records  uint64
	counted  uint64 // of them, in groups
	kinds    map[string]*kind
	distinct bool // no number is there twice
	inexact  bool // its groups do not say all that its lines say
	unknown  bool // its numbers are not known
}

const distinctStats = ` | stats by ("webproxy.site") count() n, count_uniq("webproxy.seq") distinct`

// distinct asks which sites have records in a slice, and whether their numbers are distinct.
func (n *count) distinct(ctx context.Context, within slice) (map[string]*siteSlice, error) {
	found := map[string]*siteSlice{}
	records := uint64(0)
	err := n.c.rows(ctx, n.within(within)+" "+n.filter+distinctStats+`, min("webproxy.seq") first, max("webproxy.seq") last`, func(row map[string]string) error {
		name := row["webproxy.site"]
		here, _ := strconv.ParseUint(row["n"], 10, 64)
		records += here
		if !MatchesSite(n.s.Sites, name) {
			return nil
		}
		got := &siteSlice{kinds: map[string]*kind{}}
		got.within = within
		var ok [3]bool
		got.records, ok[0] = exactNumber(row["n"])
		got.first, ok[1] = exactNumber(row["first"])
		got.last, ok[2] = exactNumber(row["last"])
		got.unknown = ok != [3]bool{true, true, true}
		got.distinct = row["n"] == row["distinct"]
		found[name] = got
		return nil
	})
	clipped := within.from.Before(n.s.Since) || !n.s.Until.IsZero() && within.to.After(n.s.Until)
	if err == nil && !clipped && records < within.records {
		err = n.c.notWhole(records, within)
	}
	return found, err
}

// groups asks for the groups of a slice, and adds them to found.
func (n *count) groups(ctx context.Context, within slice, found map[string]*siteSlice) error {
	by := []string{`"webproxy.site"`}
	for _, f := range n.fields {
		if f == "site" { // of a site that has another name since, the record has the old one
			by = append(by, `"webproxy.renamed"`)
			continue
		}
		by = append(by, quoted(countAttribute(f)))
	}
	if n.bucket != "" {
		by = append(by, "_time:"+n.bucket)
	}
	kinds := 0
	return n.c.rows(ctx, n.within(within)+" "+n.filter+" | stats by ("+strings.Join(by, ", ")+`) count() n, min(_time) first, max(_time) last,
		sum("webproxy.bytes_out") out, max("webproxy.bytes_out") most_out, sum("webproxy.bytes_in") in, max("webproxy.bytes_in") most_in`, func(row map[string]string) error {
		name := row["webproxy.site"]
		if !MatchesSite(n.s.Sites, name) {
			return nil
		}
		if kinds++; kinds > countKinds {
			return errTooManyKinds
		}
		got := found[name]
		if got == nil { // its first record came in between
			got = &siteSlice{kinds: map[string]*kind{}, unknown: true}
			found[name] = got
		}
		records, ok := exactNumber(row["n"])
		got.counted += records
		k, err := n.kind(row, records)
		if !ok || err != nil || row["webproxy.renamed"] != "" {
			got.inexact = true
			return nil
		}
		key := fmt.Sprintf("%q", n.key(row))
		if had := got.kinds[key]; had != nil { // LogsQL told apart what is one here
			had.merge(k)
			return nil
		}
		got.kinds[key] = k
		return nil
	})
}

// key is what tells a kind from others of its site.
func (n *count) key(row map[string]string) []string {
	key := []string{row["_time"]}
	for _, f := range n.fields {
		key = append(key, row[countAttribute(f)])
	}
	return key
}

// kind reads a group of so many records of VictoriaLogs. The error says that it is not exact.
func (n *count) kind(row map[string]string, records uint64) (*kind, error) {
	k := &kind{records: records, values: make([]string, len(n.fields))}
	for i, f := range n.fields {
		k.values[i] = n.shared(row[countAttribute(f)])
	}
	var r audit.Record
	if err := n.fill(&r, k); err != nil {
		return nil, err
	}
	k.kind = r.Type
	var err [3]error
	k.span.First, err[0] = time.Parse(time.RFC3339Nano, row["first"])
	k.span.Last, err[1] = time.Parse(time.RFC3339Nano, row["last"])
	k.span = audit.Span{First: k.span.First.UTC(), Last: k.span.Last.UTC()}
	k.at = k.span.First
	if n.bucket != "" {
		k.at, err[2] = time.Parse(time.RFC3339Nano, row["_time"])
		k.at = k.at.UTC()
	}
	if err := errors.Join(err[:]...); err != nil {
		return nil, err
	}
	if k.kind != audit.TypeClose {
		return k, nil
	}
	var ok [2]bool
	k.out, ok[0] = exactSum(row["out"], row["most_out"], records)
	k.in, ok[1] = exactSum(row["in"], row["most_in"], records)
	if ok != [2]bool{true, true} {
		return nil, errInexact
	}
	return k, nil
}

// fill makes r a record of the kind k, as far as the fields of the count go.
func (n *count) fill(r *audit.Record, k *kind) error {
	r.Time = k.at
	for i, f := range n.fields {
		if err := countFields[f](r, k.values[i]); err != nil {
			return err
		}
	}
	return nil
}

// shared is text, of which all kinds have one copy.
func (n *count) shared(text string) string {
	if had, ok := n.texts[text]; ok {
		return had
	}
	n.texts[text] = text
	return text
}
