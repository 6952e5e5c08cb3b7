package policy

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// waits reports whether e asks for the inspection of the tunnel that req would open: its path and its methods are
// then about the requests inside, each of which is decided on its own.
func (e *entry) waits(req *Request) bool {
	return e.block.inspect && req.Method == "CONNECT" && req.Path == ""
}

// decidedInside reports whether e, a deny that waits, may not hold for any request inside the tunnel that req would
// open. One that names CONNECT itself holds for all of them.
func (e *entry) decidedInside(req *Request) bool {
	return e.terms().path != "" || e.checkMethod(req.Method) != reasonUnset
}

// closed are the hosts whose TLS must not be inspected: their clients accept no certificate but Microsoft's own, or
// speak something other than HTTP inside. They are here and not in the catalog, since a policy that uses no catalog
// list must refuse them too.
//
// Sources, as read in August 2026:
//   - pinned: learn.microsoft.com, "Windows Update security" (windows/deployment/update/windows-update-security,
//     2022-10-25) says that TLS proxies must pass connections for update metadata without interception. It names no hosts;
//     these are the hosts for metadata in Microsoft's lists of endpoints for Windows Update.
//   - private: learn.microsoft.com, Azure Arc resource bridge, network requirements: machines other than Windows may not
//     trust the certificates of these hosts, whose root is "Microsoft Root Certificate Authority 2011".
//   - nested: learn.microsoft.com, "Troubleshoot Azure Arc resource bridge": inspection between an Arc resource and its
//     gateway ends connections, since HTTP/2 is spoken inside the tunnel.
var closed = sync.OnceValue(func() []closedHost {
	const (
		pinned  = "its clients accept no other certificate than Microsoft's"
		private = "its certificate is from an authority of Microsoft's own, which no other system trusts"
		nested  = "an Arc gateway speaks its own protocol inside TLS"
	)
	var all []closedHost
	for _, c := range []struct {
		why   string
		hosts []string
	}{
		{pinned, []string{"*.update.microsoft.com", "update.microsoft.com", "fe3.delivery.mp.microsoft.com", "fe3cr.delivery.mp.microsoft.com",
			"tsfe.trafficshaping.dsp.mp.microsoft.com", "*.prod.do.dsp.mp.microsoft.com"}},
		{private, []string{"msk8s.api.cdp.microsoft.com", "settings-win.data.microsoft.com", "v20.events.data.microsoft.com",
			"*.endpoint.security.microsoft.com"}},
		{nested, []string{"*.gw.arc.azure.com", "*.gw.arc.azure.net"}},
	} {
		for _, h := range c.hosts {
			p, err := ParsePattern(h)
			if err != nil {
				panic(err) // the table is wrong, and every test fails
			}
			all = append(all, closedHost{p, c.why})
		}
	}
	return all
})

type closedHost struct {
	pattern Pattern
	why     string
}

// compileNodes notes the groups of nodes, and compileInspect refuses rules that would break them.
func (c *compiler) compileNodes(spec *Spec) {
	for i, name := range spec.Nodes {
		g := c.set.clients.named(name)
		if g == nil {
			c.failName(fmt.Sprintf("nodes[%d]", i), "client group", name, c.groupNames(), "name it in policy.clients")
			continue
		}
		g.node = true
	}
}

// compileInspect refuses to inspect TLS of clients that must not be inspected.
func (c *compiler) compileInspect(r *RuleSpec, groups []*group, field string) {
	if !r.Inspect {
		return
	}
	var nodes []string
	for i := range c.set.clients.groups {
		if g := &c.set.clients.groups[i]; g.node && (groups == nil || slices.Contains(groups, g)) {
			nodes = append(nodes, g.name)
		}
	}
	if len(nodes) > 0 {
		c.failAt(field+".inspect", fmt.Sprintf("it would inspect TLS of %s: Azure Local does not support that", strings.Join(nodes, ", ")),
			"limit the rule to other groups by for:")
	}
}

// compileClosed refuses an entry that would inspect TLS of a host where that breaks something.
func (c *compiler) compileClosed(e *entry) {
	if !e.block.inspect {
		return
	}
	if !e.terms().admits.https.any() {
		c.fail(e, "there is no TLS to inspect in plain HTTP", "drop inspect")
		return
	}
	p := e.pattern()
	for _, h := range closed() {
		if p.Overlaps(h.pattern) {
			c.fail(e, fmt.Sprintf("%s must not be inspected (%s): %s", h.pattern, p, h.why), "drop inspect, or name the host that is meant")
			return
		}
	}
}
