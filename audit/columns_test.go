package audit

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// Inside the package: the table of columns is what makes a field be written and read at all.
func TestColumnsAreTheFields(t *testing.T) {
	r := &Record{}
	v := reflect.ValueOf(r).Elem()
	if v.NumField() != len(columns) || len(columns) > 64 {
		t.Fatalf("%d fields, %d columns, at most 64", v.NumField(), len(columns))
	}
	for i, c := range columns {
		field := v.Type().Field(i)
		if tag := field.Tag.Get("json"); tag != c.name {
			t.Errorf("column %d is %s, but the field %s is %s", i, c.name, field.Name, tag)
		}
		if got := reflect.ValueOf(c.at(r)).Pointer(); got != v.Field(i).Addr().Pointer() {
			t.Errorf("column %s is not the field %s", c.name, field.Name)
		}
		switch field.Type.Kind() {
		case reflect.String, reflect.Slice:
			if c.limit < len("… and 4294967296 more") && c.limit != 16 {
				t.Errorf("column %s: strings bounded to %d bytes", c.name, c.limit)
			}
		}
	}
}

// The largest record there can be is read back.
func TestLargestRecordFitsALine(t *testing.T) {
	long := strings.Repeat("\x01", 1<<16) // six bytes each when escaped
	r := &Record{}
	for _, c := range columns {
		switch field := c.at(r).(type) {
		case *string:
			*field = long
		case *[]string:
			for range listLimit + 1 {
				*field = append(*field, long)
			}
		}
	}
	(&Log{}).complete(r, 1<<63, time.Unix(0, 0))
	r.Type = TypeDecision
	line := appendLine(nil, r)
	if len(line) > lineLimit {
		t.Errorf("line of %d bytes, limit %d", len(line), lineLimit)
	}
	if _, err := Decode(line); err != nil {
		t.Error(err)
	}
}

func TestRecordID(t *testing.T) {
	const six, seven = 1 << 30, 1 << 35
	tests := []struct {
		chars    int
		from, to uint64
	}{
		{6, 1, 100_000},
		{6, six - 100_000, six},
		{7, six, six + 100_000},
		{7, seven - 1000, seven},
		{8, seven, seven + 1000},
		{13, 1<<64 - 1000, 1<<64 - 1},
	}
	salt := idSalt("webproxy+00000001+AAAA")
	seen := map[string]uint64{}
	for _, tt := range tests {
		for seq := tt.from; seq < tt.to; seq++ {
			id := recordID(salt, seq)
			if len(id) != tt.chars {
				t.Fatalf("recordID(%d) = %q, want %d characters", seq, id, tt.chars)
			}
			if got, ok := recordSeq(salt, id); !ok || got != seq {
				t.Fatalf("recordSeq(%q) = %d, %v, want %d", id, got, ok, seq)
			}
			if other, ok := seen[id]; ok {
				t.Fatalf("%d and %d are both %q", other, seq, id)
			}
			if strings.Trim(id, idAlphabet) != "" {
				t.Fatalf("recordID(%d) = %q", seq, id)
			}
			seen[id] = seq
		}
	}
}

// What a client of one proxy was told leads to no request of another: their logs number alike, and have other ids.
func TestRecordIDsDifferByLog(t *testing.T) {
	same := 0
	a, b := idSalt("webproxy+00000001+AAAA"), idSalt("webproxy+00000002+AAAB")
	for seq := range uint64(10_000) {
		if recordID(a, seq+1) == recordID(b, seq+1) {
			same++
		}
	}
	if same > 1 {
		t.Errorf("%d of 10000 records have the same id in two logs", same)
	}
}
