package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Kubernetes mounts files as links into a directory, reached by a link that is replaced.
func TestWatchKubernetes(t *testing.T) {
	dir := t.TempDir()
	version := func(n int, id string) string {
		name := fmt.Sprintf("..version%d", n)
		site(t, filepath.Join(dir, name))
		put(t, filepath.Join(dir, name, "webproxy.yaml"), rule(id))
		return name
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	link(version(1, "first"), "..data")
	link(filepath.Join("..data", "webproxy.yaml"), "webproxy.yaml")
	link(filepath.Join("..data", "lists"), "lists")
	w := watch(t, filepath.Join(dir, "webproxy.yaml"), byEvents)
	for n, id := range []string{"second", "third", "fourth"} {
		link(version(n+2, id), "..data_tmp")
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		must(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..version%d", n+1))))
		w.wantRule(id)
	}
}

func TestWatchLinkElsewhere(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	site(t, dir)
	real, link := filepath.Join(elsewhere, "real.yaml"), filepath.Join(dir, "webproxy.yaml")
	put(t, real, rule("first"))
	must(t, os.Remove(link))
	if err := os.Symlink(real, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	w := watch(t, link, byEvents)
	for _, id := range []string{"second", "third"} {
		put(t, real+".tmp", rule(id))
		must(t, os.Rename(real+".tmp", real))
		w.wantRule(id)
	}
	// The link is led somewhere else, and that is watched then.
	other := filepath.Join(t.TempDir(), "other.yaml")
	put(t, other, rule("fourth"))
	must(t, os.Symlink(other, link+".tmp"))
	must(t, os.Rename(link+".tmp", link))
	w.wantRule("fourth")
	put(t, other, rule("fifth"))
	w.wantRule("fifth")
}

func TestWatchDirectoryReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not rename a directory that is watched")
	}
	dir := filepath.Join(t.TempDir(), "etc")
	path := site(t, dir)
	w := watch(t, path, byEvents)
	for _, id := range []string{"second", "third"} {
		site(t, dir+".new")
		put(t, filepath.Join(dir+".new", "webproxy.yaml"), rule(id))
		must(t, os.Rename(dir, dir+".old"))
		must(t, os.Rename(dir+".new", dir))
		must(t, os.RemoveAll(dir+".old"))
		w.wantRule(id)
		put(t, path, rule(id+"-again"))
		w.wantRule(id + "-again")
	}
}

// A directory that is gone for a while is watched again when it is back.
func TestWatchDirectoryAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not rename a directory that is watched")
	}
	dir := t.TempDir()
	path := site(t, dir)
	lists := filepath.Join(dir, "lists")
	etc := filepath.Join(dir, "sub", "etc")
	put(t, filepath.Join(etc, "hosts.txt"), "www.example.org\n")
	put(t, path, strings.ReplaceAll(rule("first"), "lists/approved.txt", "sub/etc/hosts.txt"))
	w := watch(t, path, byEvents)
	must(t, os.Rename(etc, lists+".away"))
	w.wantProblem("no such file")
	must(t, os.Rename(lists+".away", etc))
	w.wantRule("first")
	put(t, filepath.Join(etc, "hosts.txt"), "www.example.org\n*\n")
	w.wantProblem("hosts.txt:2:1")
}

// A list may be a link too, in a directory of its own.
func TestWatchListLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	path := site(t, dir)
	good, bad := filepath.Join(elsewhere, "good.txt"), filepath.Join(elsewhere, "bad.txt")
	put(t, good, "www.example.org\n")
	put(t, bad, "*\n")
	link := filepath.Join(dir, "lists", "approved.txt")
	lead := func(target string) {
		t.Helper()
		if err := os.Symlink(target, link+".tmp"); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		must(t, os.Rename(link+".tmp", link))
	}
	lead(good)
	w := watch(t, path, byEvents)
	for range 2 {
		lead(bad)
		w.wantProblem("approved.txt:1:1")
		lead(good)
		w.wantRule("first")
	}
}

func TestRouteLoop(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := route(loop, map[string]map[string]bool{}); !errors.Is(err, errTooManyLinks) {
		t.Errorf("route of a loop: %v, want %v", err, errTooManyLinks)
	}
}
