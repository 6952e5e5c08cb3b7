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
		About: "Windows asks this host by plain HTTP whether a certificate was revoked, or for a missing certificate. If it is denied, the installation of extensions and signed packages hangs until a timeout, or fails."}
	findLearn = Finding{ID: "WD-LEARN", Title: "only learn mode lets it through", Category: ConfigGap, Mark: "LEARN",
		About: "No rule permits the endpoint. It is let through while its group is in learn mode, and will be denied afterwards."}
	findPrivArc = Finding{ID: "WD-PRIV-ARC", Title: "a private DNS zone answers for Azure Arc", Category: PrivateLink, Blocks: true, Mark: "PRIVATE",
		About: "Azure Local does not support Arc Private Link, and a name of Azure Arc has a private address: the DNS server has the private zone of a Private Link scope. This proxy refuses private addresses as `private_address`."}
	findPriv = Finding{ID: "WD-PRIV", Title: "the name has a private address", Category: PrivateLink, Blocks: true, Mark: "PRIVATE",
		Fix:   "resolve the name publicly on the proxy, or set private: allow on the rule if it is a private endpoint of yours",
		About: "A private endpoint, or a DNS server that has names that it should not have. This proxy refuses private addresses unless a rule says `private: allow`."}
	findDNS = Finding{ID: "WD-DNS", Title: "the name does not resolve", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "ask the DNS servers of the proxy's machine (egress.resolver) for the name",
		About: "The DNS servers of the proxy do not have the name, or do not respond. Nodes behind a proxy do not resolve it themselves."}
	findTCP = Finding{ID: "WD-TCP", Title: "the host does not answer", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "let the proxy's machine reach it in the firewall behind the proxy",
		About: "The name resolves, but the proxy cannot connect: a firewall behind the proxy drops or refuses the connection, or the host is down."}
	findUpstream = Finding{ID: "WD-UPSTREAM", Title: "the upstream proxy does not let it through", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "ask whoever runs the upstream proxy; egress.upstream_proxies says which one it is",
		About: "This proxy reaches the endpoint through an upstream proxy, which refused the request or did not respond."}
	findUpstreamDown = Finding{ID: "WD-UPSTREAM-DOWN", Title: "an upstream proxy does not work", Category: ConnectivityFailure, Mark: "PROXY",
		Fix:   "look at that proxy, and at egress.upstream_proxies",
		About: "The last request through that upstream proxy failed. Hosts without another upstream proxy fail; the others use the next one."}
	findTLS = Finding{ID: "WD-TLS", Title: "the TLS handshake fails", Category: ConnectivityFailure, Blocks: true, Mark: "TLS",
		Fix:   "look for a device on the way that inspects or limits TLS",
		About: "The tunnel is open, but the TLS handshake in it fails. A device on the way may end handshakes that it does not accept."}
	findIntercept = Finding{ID: "WD-INTERCEPT", Title: "TLS is intercepted", Category: SSLInspected, Blocks: true, Mark: "INTERCEPT",
		Fix:   "exempt the host from TLS inspection on the device that signs for it",
		About: "The certificate is not signed by an authority that the owner of the host uses: a device on the way inspects TLS. Azure Local does not support HTTPS inspection; Windows Update and others pin certificates, and fail."}
	findCert = Finding{ID: "WD-CERT", Title: "the certificate is not valid", Category: ConnectivityFailure, Blocks: true, Mark: "TLS",
		Fix:   "compare the clock of this machine, and the certificate as seen from elsewhere",
		About: "The certificate has expired, is not valid yet, or is for another name; its authority is the expected one."}
	findRedirect = Finding{ID: "WD-REDIRECT", Title: "it redirects to a host that is denied", Category: ConfigGap, Blocks: true, Mark: "REDIRECT",
		About: "The endpoint can be reached, and redirects to another host, which the policy denies. Lists of endpoints often lack the targets of `aka.ms`."}
	findLoop = Finding{ID: "WD-LOOP", Title: "it redirects without end", Category: ConnectivityFailure, Mark: "REDIRECT",
		About: "There are more redirects than a client follows; often a portal on the way that wants a login."}
	findRange = Finding{ID: "WD-RANGE", Title: "parts of files cannot be fetched", Category: ConnectivityFailure, Mark: "RANGE",
		Fix:   "let requests with Range, and responses 206, through the device on the way",
		About: "Windows Update, Delivery Optimization and BITS fetch files in parts (Range, status 206). If a device on the way removes the Range field, they fail (0x80d05001), or fetch the whole file for each part (KB3175743)."}
	findSlow = Finding{ID: "WD-SLOW", Title: "the first byte is late", Category: Success, Mark: "SLOW",
		Fix:   "look at DNS, the way out and inspection behind the proxy; --slow sets what is late",
		About: "The endpoint responds late. Microsoft's validators give up after 15 to 30 seconds."}
	findSilent = Finding{ID: "WD-NO-RESPONSE", Title: "no response comes", Category: ConnectivityFailure, Blocks: true, Mark: "DEAD",
		Fix:   "look for a device on the way that holds requests back",
		About: "The connection is open, but there is no response before the timeout, or it is closed without one."}
	findMiddlebox = Finding{ID: "WD-MIDDLEBOX", Title: "somebody else answers", Category: ConnectivityFailure, Blocks: true, Mark: "MIDDLEBOX",
		Fix:   "exempt the host on the device that answers",
		About: "The response is not from the host: a block page, a login portal, or the page of another proxy. Microsoft's environment checker counts such a page by plain HTTP as success."}
	findBusy = Finding{ID: "WD-BUSY", Title: "the proxy is at a limit", Category: ConnectivityFailure, Mark: "BUSY",
		Fix:   "look at the limits under proxy:, and at client_requests; or try fewer at a time: --parallel 2",
		About: "The proxy refused because of a limit on connections or on a client's rate, or because it could not write its audit log. The endpoint was not tested."}
	findProxy = Finding{ID: "WD-PROXY", Title: "the proxy is not reached", Category: ConnectivityFailure, Blocks: true, Mark: "PROXY",
		Fix:   "start it, or name it with --proxy",
		About: "No webproxy responds at the address."}
	findReady = Finding{ID: "WD-READY", Title: "the proxy is not ready", Category: ConnectivityFailure, Blocks: true, Mark: "PROXY",
		Fix:   "see its log",
		About: "/readyz of the proxy says that it does not serve, or that its audit log cannot be written."}
	findClock = Finding{ID: "WD-CLOCK", Title: "the clock is wrong", Category: ConfigGap, Mark: "CLOCK",
		Fix:   "set the clock of this machine by NTP",
		About: "The Date fields of several servers differ from the clock of this machine by more than a minute. Certificates, logins and schedules of phases depend on the clock."}
	findAs = Finding{ID: "WD-AS", Title: "this machine is in another client group", Category: Skipped, Mark: "GROUP",
		Fix:   "run doctor on a machine of the group, give this one an address in it, or leave --as out",
		About: "The proxy identifies clients by address, and this machine has no address in the group of --as. The policy was evaluated for the group, but only requests that this machine is allowed too could be tested."}
)

// Findings are all of them, for the page that explains them.
func Findings() []Finding {
	return []Finding{
		findProxy, findReady, findAs, findClock, findDenied, findCRL, findLearn, findPrivArc, findPriv, findDNS, findTCP, findUpstream, findUpstreamDown,
		findTLS, findIntercept, findCert, findMiddlebox, findRedirect, findLoop, findRange, findSlow, findSilent, findBusy,
	}
}
