package config

import (
	"path/filepath"
	"testing"
	"time"
)

// A list whose file did not change is what the load before made of it; of one that did, nothing is kept.
func TestUnchangedListIsShared(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "webproxy.yaml")
	put(t, path, "policy: { rules: [{ id: a, file: a.txt }, { id: b, file: b.txt }] }\n")
	put(t, filepath.Join(dir, "a.txt"), "a.example.com\n")
	put(t, filepath.Join(dir, "b.txt"), "b.example.com\n")
	w := &Watcher{pace: pacer{began: time.Now()}}
	var lists [2]map[string]*listFile
	for i := range lists {
		r := w.newReader()
		c, problems := load(path, r, time.Now())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		lists[i] = map[string]*listFile{}
		for key, f := range r.lists {
			lists[i][key.written] = f
		}
		if c.Set.Len() != 2+i {
			t.Errorf("load %d has %d entries, want %d", i, c.Set.Len(), 2+i)
		}
		w.last = r
		put(t, filepath.Join(dir, "b.txt"), "b.example.com\nc.example.com\n")
	}
	if lists[0]["a.txt"] == nil || lists[0]["a.txt"] != lists[1]["a.txt"] {
		t.Error("a.txt did not change, and was read again")
	}
	if lists[0]["b.txt"] == lists[1]["b.txt"] {
		t.Error("b.txt changed, and was not read again")
	}
}
