package fleet

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// copyLimit bounds the bytes of records that are copied.
const copyLimit = 1 << 30

// CopyLog writes the records that s selects, of one site, to an audit log in the directory dir, in the order of their numbers.
// Everything that reads a log can read it.
func (c *Client) CopyLog(ctx context.Context, s Search, dir string) (Stats, error) {
	type numbered struct {
		seq  uint64
		line string
	}
	var all []numbered
	size := 0
	stats, err := c.Records(ctx, s, func(r *Record) error {
		if size += len(r.Line); size > copyLimit {
			return fmt.Errorf("the records are more than %d bytes: ask for less time", copyLimit)
		}
		all = append(all, numbered{r.Seq, r.Line})
		return nil
	})
	if err != nil {
		return stats, err
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.seq, b.seq) })
	f, err := os.OpenFile(filepath.Join(dir, "audit.ndjson"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return stats, err
	}
	w := bufio.NewWriter(f)
	for _, r := range all {
		w.WriteString(r.line)
		w.WriteByte('\n')
	}
	return stats, cmp.Or(w.Flush(), f.Close())
}
