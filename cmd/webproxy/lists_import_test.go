package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImportExitCodes(t *testing.T) {
	for _, tt := range []struct {
		want int
		doc  string
		args []string
	}{
		{exitOK, "a.example.com\n", nil},
		{exitNo, "", nil}, // nothing in it
		{exitNo, "URL,Action\npastebin.com,Deny\n", nil},
		{exitOK, "URL,Action\npastebin.com,Deny\n", []string{"--deny"}},
		{exitNo, "169.254.169.254\na.example.com\n", nil},
		{exitNo, "<region>.login.microsoft.com\ntime.windows.com 123/udp\n", nil},                               // understood, and yet nothing
		{exitOK, "a.example.com\n<region>.login.microsoft.com\ntime.windows.com 123/udp\nNothing here.\n", nil}, // understood, all of it
		{exitNo, "a.example.com\nhttp://b.example.com:443\n", nil},
		{exitUsage, "a.example.com\n", []string{"-o", "xml"}},
		{exitUsage, "a.example.com\n", []string{"--name", "keyvault"}},
		{exitUsage, "a.example.com\n", []string{"--region", "*"}},
		{exitRuntime, "a.example.com\n", []string{"--out", t.TempDir()}},
	} {
		file := filepath.Join(t.TempDir(), "doc.md")
		if err := os.WriteFile(file, []byte(tt.doc), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errOut strings.Builder
		args := append([]string{"lists", "import", file}, tt.args...)
		if got := run(context.Background(), args, &out, &errOut); got != tt.want {
			t.Errorf("import of %q with %v: exit %d, want %d\n%s%s", tt.doc, tt.args, got, tt.want, out.String(), errOut.String())
		}
	}
}

// docs/lists.md shows what import really prints.
func TestImportExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/lists.md")
	if err != nil {
		t.Fatal(err)
	}
	table := fence(t, string(doc), "markdown")
	command, want, _ := strings.Cut(fence(t, string(doc), "console"), "\n")
	t.Chdir(t.TempDir())
	if err := os.WriteFile("table.md", []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder // of both, as a terminal has it
	run(context.Background(), strings.Fields(strings.TrimPrefix(command, "$ webproxy ")), &out, &out)
	if out.String() != want {
		t.Errorf("%s\n got:\n%s\nin docs/lists.md:\n%s", command, out.String(), want)
	}
}

// fence returns the content of the first code block of a language.
func fence(t *testing.T, doc, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n```"+language+"\n")
	block, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatalf("no block of %s", language)
	}
	return block + "\n"
}
