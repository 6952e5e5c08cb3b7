//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A ran is a command that has ended.
type ran struct {
	exit           int
	stdout, stderr string
}

// run runs a command. It must be one that can be started; its exit code is the caller's to check.
// The environment has env, and nothing of ours that would tell the command about another proxy.
func run(t *testing.T, env []string, name string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(stderr.String(), 2000))
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Exit codes of curl.
const (
	curlPartial  = 18 // an answer shorter than it said
	curlNoTunnel = 56 // among others: CONNECT was refused
)

// A curled is what curl says about one transfer.
type curled struct {
	Exit    int `json:"exitcode"`
	Code    int `json:"http_code"`    // of the last answer
	Connect int `json:"http_connect"` // of the proxy's answer to CONNECT
	// text is the heads of all answers, with the body after them unless it was sent elsewhere.
	text   string
	stderr string // of all transfers of one run
}

func (c curled) String() string {
	return fmt.Sprintf("exit %d, status %d, CONNECT %d\n%s\n%s", c.Exit, c.Code, c.Connect, c.text, c.stderr)
}

// curl runs curl through the proxy for one URL among args. It trusts ca, if there is one.
func (p *process) curl(ca *authority, args ...string) curled {
	p.t.Helper()
	all := p.curls(ca, args...)
	if len(all) != 1 {
		p.t.Fatalf("curl %s: %d transfers, want 1", args, len(all))
	}
	return all[0]
}

// curls runs one curl through the proxy for all URLs among args, one after the other.
func (p *process) curls(ca *authority, args ...string) []curled {
	p.t.Helper()
	const before, after = "\n<<<", ">>>\n"
	all := []string{"-q", "-sS", "-i", "--noproxy", "", "--proxy", "http://" + p.addr, "-w", before + "%{json}" + after}
	if ca != nil {
		all = append(all, "--cacert", ca.file)
	}
	r := run(p.t, nil, "curl", append(all, args...)...)
	var found []curled
	for part := range strings.SplitSeq(strings.TrimSuffix(r.stdout, after), after) {
		at := strings.LastIndex(part, before)
		if at < 0 {
			p.t.Fatalf("curl %s: exit %d\n%s%s", args, r.exit, part, r.stderr)
		}
		c := curled{text: part[:at], stderr: r.stderr}
		if err := json.Unmarshal([]byte(part[at+len(before):]), &c); err != nil {
			p.t.Fatalf("curl %s: %v\n%s", args, err, part)
		}
		found = append(found, c)
	}
	return found
}

// tunnel opens a tunnel, as a client in Go would. The caller closes it.
func (p *process) tunnel(hostport string) (net.Conn, error) {
	conn, resp, err := p.connect(hostport)
	if err == nil && resp.StatusCode != http.StatusOK {
		conn.Close()
		return nil, errors.New(resp.Status)
	}
	return conn, err
}

// connect asks for a tunnel and returns the answer with the connection, which the caller closes.
// Nothing of the tunnel has been read.
func (p *process) connect(hostport string) (net.Conn, *http.Response, error) {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return nil, nil, err
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", hostport, hostport); err != nil {
		conn.Close()
		return nil, nil, err
	}
	// One byte at a time: what follows the head is not ours.
	resp, err := http.ReadResponse(bufio.NewReaderSize(oneByte{conn}, 16), &http.Request{Method: http.MethodConnect})
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, resp, nil
}

// oneByte reads a byte at a time.
type oneByte struct{ net.Conn }

func (c oneByte) Read(b []byte) (int, error) { return c.Conn.Read(b[:min(len(b), 1)]) }
