//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

// tagFile is a service tag file with one tag.
const tagFile = `{"changeNumber": %d, "cloud": "Public", "values": [{"name": "Here", "id": "Here", "properties": {
"changeNumber": 1, "region": "", "regionId": 0, "platform": "Azure", "systemService": "", "addressPrefixes": [%q], "networkFeatures": null}}]}
`

// TestServiceTagsReload replaces the file of service tags while the proxy runs: the new addresses apply
// from then on, also to open tunnels.
//
// Tags have only public addresses. So the test runs again in its own network namespace, where such an address is
// our origin's and nothing leaves the machine.
func TestServiceTagsReload(t *testing.T) {
	const address = "20.50.1.16"
	if os.Getenv("E2E_OWN_NETWORK") == "" {
		inOwnNetwork(t, address)
		return
	}
	port := serveRawOn(t, address+":0", echo)
	s := newSite(t)
	take := func(change int, prefix string) {
		t.Helper()
		s.write("tags.json", fmt.Sprintf(tagFile, change, prefix))
		s.webproxy("servicetags", "import", filepath.Join(s.dir, "tags.json"))
	}
	s.settings = strings.Replace(s.settings, "egress: {", "egress: { hosts: { o.test: ["+address+"] },", 1)
	s.configure(fmt.Sprintf("reload: { grace: 1s }\npolicy: { rules: [{ id: t, hosts: [o.test], ports: [%d], service_tag: { name: here, check: enforce } }] }\n", port))
	take(1, "20.50.0.0/16")
	p := s.start()
	target := fmt.Sprintf("o.test:%d", port)
	open := p.talkTo(target)
	take(2, "192.0.2.0/24")
	var refused string
	eventually(t, "the address is outside of the tag now", func() bool {
		conn, resp, err := p.connect(target)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		refused = resp.Status
		return resp.StatusCode != 200
	})
	if !strings.Contains(refused, "403 webproxy denied: service_tag_mismatch "+target) {
		t.Errorf("refused with %q", refused)
	}
	open.mustEnd()
	take(3, address+"/32")
	var again net.Conn
	eventually(t, "the address is in the tag again", func() bool {
		var err error
		again, err = p.tunnel(target)
		return err == nil
	})
	again.Close()
	p.stop()
	ends := countBy(records(t, s.audit()), func(r audit.Record) string { return string(r.Type) + " " + r.Error })
	if ends["egress.close policy_changed"] != 1 {
		t.Errorf("records by how they ended: %v", ends)
	}
}

// inOwnNetwork runs the test again in a network namespace with only loopback, which has the address too.
func inOwnNetwork(t *testing.T, address string) {
	t.Helper()
	script := fmt.Sprintf(`ip link set lo up && ip addr add %s/32 dev lo && exec "$0" -test.v -test.run "^%s$"`, address, t.Name())
	cmd := exec.Command("unshare", "--net", "sh", "-c", script, os.Args[0])
	cmd.Env = append(os.Environ(), "E2E_OWN_NETWORK=1")
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "=== RUN") {
		t.Skipf("no network of its own can be made here: %v\n%s", err, out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a network of its own: %v\n%s", err, out)
	}
}
