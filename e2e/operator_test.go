//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nft accepts the rules of firewall export; nothing is applied.
func TestFirewallRulesAreRead(t *testing.T) {
	s := newSite(t)
	s.configure("policy: { clients: { nodes: [192.168.1.0/24] }, rules: [] }\n")
	if out, err := exec.Command("nft", "list", "tables").CombinedOutput(); err != nil {
		t.Skipf("nft: %v: %s", err, out)
	}
	for _, args := range [][]string{
		{"-o", "nft", "--check"},
		{"-o", "nft", "--check", "--proxy", "10.0.1.5:9090", "--dns", "10.0.0.2,2001:db8::53", "--ntp", "10.0.0.3", "--management", "10.0.5.0/24", "--aks", "192.168.9.0/24", "--cluster", "192.168.1.20"},
	} {
		if out := s.command(t, append([]string{"firewall", "export"}, args...)...); !strings.Contains(out, "ok: nft accepts the rules") {
			t.Errorf("%v: %s", args, out)
		}
	}
	undo := exec.Command("nft", "-c", "-f", "-")
	undo.Stdin = strings.NewReader(s.command(t, "firewall", "export", "--undo", "-o", "nft"))
	if out, err := undo.CombinedOutput(); err != nil {
		t.Errorf("the undo: %v: %s", err, out)
	}
	if out, err := exec.Command("nft", "list", "tables").Output(); err != nil || strings.Contains(string(out), "webproxy_azurelocal") {
		t.Errorf("--check put rules in force: %s, %v", out, err)
	}
}

// The PowerShell scripts are valid: another project's grammar parses them completely.
func TestPowerShellIsPowerShell(t *testing.T) {
	s := newSite(t)
	s.configure("policy: { clients: { nodes: [192.168.1.0/24] }, rules: [] }\n")
	dir := npm(t, "web-tree-sitter@0.27.2", "tree-sitter-powershell@0.26.4")
	write(t, dir, "parse.mjs", `
import { readFileSync } from "node:fs";
import { Parser, Language } from "web-tree-sitter";
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load("node_modules/tree-sitter-powershell/tree-sitter-powershell.wasm"));
const commands = {};
for (const file of process.argv.slice(2)) {
  const tree = parser.parse(readFileSync(file, "utf8"));
  const bad = tree.rootNode.descendantsOfType("ERROR");
  if (tree.rootNode.hasError) console.log(file, "ERROR", bad.map((n) => n.startPosition.row + 1 + ": " + n.text.slice(0, 80)).join("; "));
  for (const n of tree.rootNode.descendantsOfType("command_name")) commands[n.text] = (commands[n.text] || 0) + 1;
}
console.log(JSON.stringify(commands));
`)
	inventory := []string{"client-config", "--proxy", "http://webproxy:9090", "--node", "node1,node2", "--cluster", "s-cluster", "--subnet", "192.168.1.0/24", "--domain", "contoso.com", "-o", "ps1"}
	scripts := map[string][]string{
		"rules.ps1":       {"firewall", "export", "-o", "ps1"},
		"proxy-only.ps1":  {"firewall", "export", "-o", "ps1", "--proxy", "10.0.1.5:9090", "--dns", "10.0.0.2"},
		"rules-undo.ps1":  {"firewall", "export", "-o", "ps1", "--undo"},
		"client.ps1":      inventory,
		"client-undo.ps1": append(inventory, "--undo"),
		"gateway.ps1":     append(inventory, "--arc-gateway", "/subscriptions/1/resourceGroups/r/providers/Microsoft.HybridCompute/gateways/g"),
	}
	args := []string{"parse.mjs"}
	for name, command := range scripts {
		write(t, dir, name, s.command(t, command...))
		args = append(args, name)
	}
	write(t, dir, "broken.ps1", "New-NetFirewallRule -Name 'a -Direction (\n")
	out := node(t, dir, args...)
	if strings.Contains(out, "ERROR") || !strings.Contains(out, `"New-NetFirewallRule":`) || !strings.Contains(out, `"Set-WinInetProxy":`) || !strings.Contains(out, `"azcmagent":`) {
		t.Errorf("%s", out)
	}
	if out := node(t, dir, "parse.mjs", "broken.ps1"); !strings.Contains(out, "ERROR") {
		t.Errorf("the grammar finds no fault in what is none: %s", out)
	}
}

// The served PAC file works in another project's engine.
func TestPACIsObeyed(t *testing.T) {
	dir := npm(t, "pac-resolver@9.0.2", "quickjs-wasi@3.7.0")
	s := newSite(t)
	at := reserve(t)
	s.configure(fmt.Sprintf(`
pac: { listen: %q, proxy: "webproxy.contoso.com:9090", direct: ["*.corp.example", intranet.example, 10.0.0.0/8, "2001:db8::/33"] }
policy: { rules: [] }
`, at))
	s.start()
	status, file := fetchPlain(t, "http://"+at+"/proxy.pac")
	if _, same := fetchPlain(t, "http://"+at+"/wpad.dat"); status != 200 || same != file {
		t.Fatalf("status %d; /wpad.dat is the same: %v", status, same == file)
	}
	write(t, dir, "proxy.pac", file)
	write(t, dir, "resolve.mjs", `
import { readFileSync } from "node:fs";
import { QuickJS } from "quickjs-wasi";
import { createPacResolver } from "pac-resolver";
const find = createPacResolver(await QuickJS.create({ wasm: readFileSync("node_modules/quickjs-wasi/quickjs.wasm") }), readFileSync("proxy.pac", "utf8"));
for (const url of process.argv.slice(2)) console.log(url, await find(url));
`)
	const through = "PROXY webproxy.contoso.com:9090"
	want := map[string]string{
		"https://login.microsoftonline.com/": through, "http://corp.example/": through, "http://notcorp.example/": through, "http://intranet.example.org/": through,
		"https://20.50.1.16/": through, "http://11.0.0.1/": through, "http://[2603::1]/": through, "http://[2001:db8:8000::1]/": through,
		"https://a.corp.example/": "DIRECT", "https://A.B.Corp.Example/": "DIRECT", "http://intranet.example/": "DIRECT", "http://server/": "DIRECT",
		"http://10.1.2.3/": "DIRECT", "http://127.0.0.1:8080/": "DIRECT", "http://169.254.1.1/": "DIRECT", "http://[::1]/": "DIRECT", "http://[fe80::1]/": "DIRECT", "http://[2001:db8::7]/": "DIRECT",
	}
	args := []string{"resolve.mjs"}
	for url := range want {
		args = append(args, url)
	}
	out := node(t, dir, args...)
	for url, answer := range want {
		if !strings.Contains(out, url+" "+answer+"\n") {
			t.Errorf("%s: want %s in\n%s", url, answer, out)
		}
	}
}

func fetchPlain(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// command runs webproxy at the site and returns what it prints.
func (s *site) command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Dir = s.dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("webproxy %s: %v\n%s%s", strings.Join(args, " "), err, out, stderrOf(err))
	}
	return string(out)
}

func stderrOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok {
		return string(exit.Stderr)
	}
	return ""
}

// npm installs packages in a directory of the test, and skips the test if they are not available.
func npm(t *testing.T, packages ...string) string {
	t.Helper()
	for _, tool := range []string{"npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", append([]string{"install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm install %s: %v: %s", strings.Join(packages, " "), err, tail(string(out), 400))
	}
	return dir
}

// node runs node in dir and returns what it prints. Its optimizing compiler for WebAssembly is off: node would wait for it to
// compile a large grammar, which takes minutes.
func node(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{"--liftoff-only"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
