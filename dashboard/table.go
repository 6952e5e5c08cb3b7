package dashboard

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"webproxy/audit"
	"webproxy/internal/spreadsheet"
	"webproxy/internal/svg"
)

// pageRows is how many rows a page of a table has.
const pageRows = 100

// A head is the heading of a column.
type head struct {
	Name  string // in CSV and NDJSON; empty for a column of links, which is not in them
	Title string
	Class string // of the cells; hidden for one that is only in CSV and NDJSON
}

// hidden is the class of a column whose text a page shows with another one.
const hidden = "hidden"

// Shown reports whether pages have the column.
func (h head) Shown() bool { return h.Class != hidden }

// A cell is one cell of a row. Text may be hostile: it is escaped when it is shown.
type cell struct {
	Text  string
	Link  string
	Class string // of the text: allow, deny, would_deny
	Spark *svg.Chart
	Value any // in NDJSON; nil for Text
	More  []string
	Note  string // below it, on pages only
}

// shownMore is how many of the further lines of a cell are not folded.
const shownMore = 2

// Open are the first of More, Folded the others: fewer than two are not folded.
func (c *cell) Open() []string {
	if len(c.More) <= shownMore+1 {
		return c.More
	}
	return c.More[:shownMore]
}

func (c *cell) Folded() []string { return c.More[len(c.Open()):] }

// softly is s in parts, between which a page may break a line if s is long: after dots, slashes and underscores, and in what is long without
// them. So names are broken where people expect it, and hostile ones cannot make a table wide.
func softly(s string) (parts []string) {
	const most = 24
	if len(s) <= most {
		return []string{s}
	}
	for len(s) > 0 {
		n := len(s)
		if i := strings.IndexAny(s, "./_"); i >= 0 {
			n = i + 1
		}
		switch space := strings.IndexAny(s[:n], " -"); {
		case n <= most:
		case space >= 0 && space < most:
			n = space + 1
		default:
			for n = most; n > most-utf8.UTFMax && !utf8.RuneStart(s[n]); n-- {
			}
		}
		parts, s = append(parts, s[:n]), s[n:]
	}
	return parts
}

// A row is cells in the order of the heads. Key is its position in the order of the table, for paging: unique, and independent
// of other rows.
type row struct {
	Key   string
	Cells []cell
}

// A table is rows as a page shows them, with links to other pages and files, and the command.
type table struct {
	Title   string // of the section; empty for none
	Caption string
	Heads   []head
	Rows    []row
	Empty   string // shown if there are no rows
	Command string
	// Name is used for the files, and for the parameters if a page has several tables.
	Name string

	Total     int
	Shown     string
	Next      string // URLs; empty for none
	First     string
	CSV, JSON string
}

// page reduces the table to the page that the URL requests, and fills in the rest.
func (t *table) page(u *url.URL) {
	v := u.Query()
	t.Total = len(t.Rows)
	link := func(set ...string) string {
		w := u.Query()
		w.Del("after")
		w.Del("format")
		w.Del("table")
		for i := 0; i < len(set); i += 2 {
			w.Set(set[i], set[i+1])
		}
		return u.Path + "?" + w.Encode()
	}
	t.CSV, t.JSON = link("table", t.Name, "format", "csv"), link("table", t.Name, "format", "ndjson")
	begin := 0
	if after := v.Get("after"); after != "" && v.Get("table") == t.Name {
		t.First = link()
		begin = len(t.Rows)
		for i := range t.Rows {
			if t.Rows[i].Key > after {
				begin = i
				break
			}
		}
	}
	end := min(begin+pageRows, len(t.Rows))
	if end < len(t.Rows) {
		t.Next = link("table", t.Name, "after", t.Rows[end-1].Key)
	}
	if begin > 0 || end < len(t.Rows) {
		t.Shown = fmt.Sprintf("%d to %d of %d", min(begin+1, end), end, t.Total)
	}
	t.Rows = t.Rows[begin:end]
}

// cut reduces the table to its first rows, and fills in the rest, for a page that has no URL: the result of a form, which is submitted again
// for the files.
func (t *table) cut(path string) {
	t.Total = len(t.Rows)
	file := func(format string) string {
		return path + "?" + url.Values{"table": {t.Name}, "format": {format}}.Encode()
	}
	t.CSV, t.JSON = file("csv"), file("ndjson")
	if t.Total > pageRows {
		t.Shown = fmt.Sprintf("1 to %d of %d", pageRows, t.Total)
		t.Rows = t.Rows[:pageRows]
	}
}

// rankKey is a key for rows in which more comes first.
func rankKey(n uint64, rest ...string) string {
	return fmt.Sprintf("%020d ", ^n) + strings.Join(rest, "\x00")
}

// export writes the table as a file if the URL requests one; it reports whether it did.
func export(w http.ResponseWriter, r *http.Request, tables ...*table) bool {
	v := r.URL.Query()
	format := v.Get("format")
	if format == "" {
		return false
	}
	for _, t := range tables {
		if t == nil || v.Get("table") != "" && t.Name != v.Get("table") {
			continue
		}
		name := fmt.Sprintf("webproxy-%s-%s.%s", t.Name, time.Now().UTC().Format("20060102T150405Z"), format)
		switch format {
		case "csv":
			w.Header().Set("Content-Type", "text/csv; charset=utf-8")
			w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
			t.writeCSV(w)
			return true
		case "ndjson":
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
			t.writeJSON(w)
			return true
		}
	}
	http.Error(w, "format: want csv or ndjson, of a table of this page", http.StatusBadRequest)
	return true
}

func (t *table) writeCSV(w io.Writer) error {
	c := spreadsheet.NewWriter(w)
	var names []string
	for _, h := range t.Heads {
		if h.Name != "" {
			names = append(names, h.Name)
		}
	}
	c.Write(names)
	for _, r := range t.Rows {
		var cells []string
		for i, x := range r.Cells {
			if t.Heads[i].Name != "" {
				cells = append(cells, audit.Printable(x.plain()))
			}
		}
		c.Write(cells)
	}
	return c.Flush()
}

func (t *table) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range t.Rows {
		object := make(map[string]any, len(r.Cells))
		for i, x := range r.Cells {
			if t.Heads[i].Name == "" {
				continue
			}
			if x.Value != nil {
				object[t.Heads[i].Name] = x.Value
			} else {
				object[t.Heads[i].Name] = x.plain()
			}
		}
		if err := enc.Encode(object); err != nil {
			return err
		}
	}
	return nil
}

// plain is the cell as text.
func (c *cell) plain() string {
	switch v := c.Value.(type) {
	case uint64:
		return strconv.FormatUint(v, 10)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	}
	return strings.TrimSpace(c.Text + " " + strings.Join(c.More, " "))
}
