package doctor

// A Finding is a kind of fault. Its ID never changes its meaning.
type Finding struct {
	ID       string
	Title    string // a few words
	About    string // for the page of findings: what it means, and why it matters
	Fix      string // what to do, if that is always the same
	Category Category
	Blocks   bool   // a required endpoint with it stops a deployment
	Mark     string // the word in the table
}

// The findings. They are not changed.
var (
	findDenied = Finding{ID: "WD-DENIED", Title: "the policy denies it", Category: ConfigGap, Blocks: true, Mark: "DENIED",
		About: "The endpoint is required, and the policy does not let this group reach it. The reason is one of those in [rules.md](rules.md)."}
	findCRL = Finding{ID: "WD-CRL", Title: "the policy denies a host for certificates", Category: ConfigGap, Mark: "DENIED",
		About: "Windows asks this host by plain HTTP whether a certificate was revoked, or for a missing one. Denied, installing extensions and signed packages hangs until a time limit, or fails."}
	findLearn = Finding{ID: "WD-LEARN", Title: "only learn mode lets it through", Category: ConfigGap, Mark: "LEARN",
		About: "No rule permits the endpoint; it passes while its group is in learn mode, and will be denied when that ends."}
	findPrivArc = Finding{ID: "WD-PRIV-ARC", Title: "a private DNS zone answers for Azure Arc", Category: PrivateLink, Blocks: true, Mark: "PRIVATE",
		About: "Azure Local does not support Arc Private Link, and a name of Azure Arc has a private address: the DNS that was asked has the private zone that the Private Link scope needs. This proxy refuses private addresses as `private_address`."}
	findPriv = Finding{ID: "WD-PRIV", Title: "the name has a private address", Category: PrivateLink, Blocks: true, Mark: "PRIVATE",
		Fix:   "resolve the name publicly on the proxy, or set private: allow on the rule if it is a private endpoint of yours",
		About: "A private endpoint, or a DNS server that answers for names that it should not. This proxy refuses private addresses unless a rule says `private: allow`."}
	findDNS = Finding{ID: "WD-DNS", Title: "the name does not resolve", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "ask the DNS servers of the proxy's machine (egress.resolver) for the name",
		About: "The DNS servers that the proxy asks do not have the name, or do not answer. Nodes behind a proxy do not resolve it themselves."}
	findTCP = Finding{ID: "WD-TCP", Title: "the host does not answer", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "let the proxy's machine reach it in the firewall behind the proxy",
		About: "The name resolves, and no connection comes about: a firewall behind the proxy drops or refuses it, or the host is down."}
	findUpstream = Finding{ID: "WD-UPSTREAM", Title: "the upstream proxy does not let it through", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "ask whoever runs the upstream proxy; egress.upstream_proxies says which one it is",
		About: "This proxy reaches the endpoint by way of another one, which refused, or did not answer."}
	findUpstreamDown = Finding{ID: "WD-UPSTREAM-DOWN", Title: "an upstream proxy does not work", Category: ConnectivityFailure, Mark: "PROXY",
		Fix:   "look at that proxy, and at egress.upstream_proxies",
		About: "The last request that this proxy sent by way of that upstream proxy failed. What has no other way out fails; what has one, such as by failover, goes on without a reserve."}
	findTLS = Finding{ID: "WD-TLS", Title: "the TLS handshake fails", Category: ConnectivityFailure, Blocks: true, Mark: "TLS",
		Fix:   "look for a device on the way that inspects or limits TLS",
		About: "The tunnel stands, and no TLS handshake comes about in it. A device on the way often ends handshakes that it does not like."}
	findIntercept = Finding{ID: "WD-INTERCEPT", Title: "TLS is intercepted", Category: SSLInspected, Blocks: true, Mark: "INTERCEPT",
		Fix:   "exempt the host from TLS inspection on the device that signs for it",
		About: "The certificate is not signed by an authority that the owner of the host uses: a device on the way opens TLS. Azure Local does not support HTTPS inspection; Windows Update and others pin certificates, and fail."}
	findCert = Finding{ID: "WD-CERT", Title: "the certificate is not valid", Category: ConnectivityFailure, Blocks: true, Mark: "TLS",
		Fix:   "compare the clock of this machine, and the certificate as seen from elsewhere",
		About: "The certificate has expired, is not valid yet, or is for another name; who signed it is as expected."}
	findRedirect = Finding{ID: "WD-REDIRECT", Title: "it redirects to a host that is denied", Category: ConfigGap, Blocks: true, Mark: "REDIRECT",
		About: "The endpoint can be reached, and answers with the address of another host, which the policy denies: what the client wanted is there. Lists of endpoints often lack the targets of `aka.ms`."}
	findLoop = Finding{ID: "WD-LOOP", Title: "it redirects without end", Category: ConnectivityFailure, Mark: "REDIRECT",
		About: "More redirects than a client follows; often the sign of a portal on the way that wants a login."}
	findRange = Finding{ID: "WD-RANGE", Title: "parts of files cannot be fetched", Category: ConnectivityFailure, Mark: "RANGE",
		Fix:   "let requests with Range, and responses 206, through the device on the way",
		About: "Windows Update, Delivery Optimization and BITS fetch files in parts (Range, status 206). A device on the way that removes the request for a part makes them fail (0x80d05001), or fetch the whole file for each part (KB3175743)."}
	findSlow = Finding{ID: "WD-SLOW", Title: "the first byte is late", Category: Success, Mark: "SLOW",
		Fix:   "look at DNS, the way out and inspection behind the proxy; --slow sets what is late",
		About: "The endpoint answers, but late. Microsoft's validators give up after 15 to 30 seconds."}
	findSilent = Finding{ID: "WD-NO-RESPONSE", Title: "no response comes", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "look for a device on the way that holds requests back",
		About: "The connection stands, and nothing comes back before the time limit, or it ends without a response."}
	findMiddlebox = Finding{ID: "WD-MIDDLEBOX", Title: "somebody else answers", Category: ConnectivityFailure, Blocks: true, Mark: "MIDDLEBOX",
		Fix:   "exempt the host on the device that answers",
		About: "The response is not the host's: a block page, a login portal, or the page of another proxy. Microsoft's environment checker counts such a page as success where it comes by plain HTTP."}
	findBusy = Finding{ID: "WD-BUSY", Title: "the proxy is at a limit", Category: ConnectivityFailure, Mark: "BUSY",
		Fix:   "look at the limits under proxy:, and at client_requests; or try fewer at a time: --parallel 2",
		About: "The proxy refused for a limit on connections or on a client's rate, or because it could not write its audit log: nothing was learnt about the endpoint."}
	findProxy = Finding{ID: "WD-PROXY", Title: "the proxy is not reached", Category: ConnectivityFailure, Blocks: true, Mark: "PROXY",
		Fix:   "start it, or name it with --proxy",
		About: "Nothing that is webproxy answers at the address that was tried."}
	findReady = Finding{ID: "WD-READY", Title: "the proxy is not ready", Category: ConnectivityFailure, Blocks: true, Mark: "PROXY",
		Fix:   "see its log",
		About: "The proxy says by /readyz that it does not serve, or that its audit log cannot be written."}
	findClock = Finding{ID: "WD-CLOCK", Title: "the clock is wrong", Category: ConfigGap, Mark: "CLOCK",
		Fix:   "set the clock of this machine by NTP",
		About: "The Date of several servers differs from the clock of this machine by more than a minute. Certificates, logins and schedules of phases depend on it."}
	findAs = Finding{ID: "WD-AS", Title: "this machine is in another client group", Category: Skipped, Mark: "GROUP",
		Fix:   "run doctor on a machine of the group, give this one an address in it, or leave --as out",
		About: "The proxy knows clients by their addresses, and this machine has none in the group that was asked about. The policy was evaluated for the group; only what this machine is allowed, too, could be tried."}
)

// Findings are all of them, for the page that explains them.
func Findings() []Finding {
	return []Finding{
		findProxy, findReady, findAs, findClock, findDenied, findCRL, findLearn, findPrivArc, findPriv, findDNS, findTCP, findUpstream, findUpstreamDown,
		findTLS, findIntercept, findCert, findMiddlebox, findRedirect, findLoop, findRange, findSlow, findSilent, findBusy,
	}
}
