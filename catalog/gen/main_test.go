package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what gen makes into testdata")

// Each testdata/*.txtar has a table, table.csv, and the lists made from it.
func TestLists(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatal(stories, err)
	}
	for _, name := range stories {
		t.Run(filepath.Base(name), func(t *testing.T) {
			story, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			table := filepath.Join(dir, "table.csv")
			if err := os.WriteFile(table, story.Files[0].Data, 0o600); err != nil {
				t.Fatal(err)
			}
			lists := filepath.Join(dir, "lists")
			stale := filepath.Join(lists, "2021-12", "stale.yaml")
			if err := os.MkdirAll(filepath.Dir(stale), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(stale, []byte(madeByGen+"name: stale\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			byHand := filepath.Join(lists, "2021-12", "by-hand.yaml")
			if err := os.WriteFile(byHand, []byte("# From another document.\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := run(table, lists); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(byHand); err != nil {
				t.Errorf("a list that is not from the table: %v, want it kept", err)
			}
			got := readTree(t, lists)
			if *update {
				story.Files = append(story.Files[:1], got...)
				if err := os.WriteFile(name, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := txtar.Format(&txtar.Archive{Files: story.Files[1:]})
			if diff := cmp.Diff(string(want), string(txtar.Format(&txtar.Archive{Files: got}))); diff != "" {
				t.Errorf("lists differ (-want +got):\n%s", diff)
			}
		})
	}
}

func readTree(t *testing.T, dir string) []txtar.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var tree []txtar.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, txtar.File{Name: filepath.ToSlash(rel), Data: data})
	}
	return tree
}

func TestBadTable(t *testing.T) {
	const header = "set,cloud,region,schemes,host_pattern,path,ports,when,service_tag,description,source,source_date,arc_gateway,raw\n"
	tests := []struct{ want, table string }{
		{"no header", ""},
		{"row 2: schemes", header + "arc,public,*,http|https,a.example,,443,optional,,d,s,2026-07-14,,raw\n"},
		{"row 2: cloud", header + "arc,mars,*,https,a.example,,443,optional,,d,s,2026-07-14,,raw\n"},
		{"when", header + "arc,public,*,https,a.example,,443,never,,d,s,2026-07-14,,raw\n"},
		{"value out of range", header + "arc,public,*,https,a.example,,65536,optional,,d,s,2026-07-14,,raw\n"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		table := filepath.Join(dir, "table.csv")
		if err := os.WriteFile(table, []byte(tt.table), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(table, dir); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.table, err, tt.want)
		}
	}
}
