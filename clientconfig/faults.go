package clientconfig

// A Fault is a kind of mistake in a bypass list. Its ID is stable.
type Fault struct {
	ID    string
	Says  string // the fault, in a few words
	Fix   string // what to do, if that is always the same
	About string // for the page of findings: why it matters, and who made the rule
	Note  bool
}

// The faults that Check finds. They are not changed.
var (
	faultLocal = Fault{ID: "WD-BYPASS-LOCAL", Says: "Azure Local does not support <local>", Fix: "leave it out, and name the nodes and the cluster",
		About: "`<local>` and other words in angle brackets are not valid entries. Microsoft's environment checker reports them as critical; Arc Resource Bridge refuses the list."}
	faultCIDR = Fault{ID: "WD-BYPASS-CIDR", Says: "lists of WinINet and WinHTTP take no prefixes",
		About: "WinINet and WinHTTP use stars for whole octets (`192.168.1.*`). They take a prefix for a name, so nothing bypasses the proxy. A prefix that ends inside an octet becomes several entries."}
	faultHostBits = Fault{ID: "WD-BYPASS-HOST-BITS", Says: "the prefix has bits of a host",
		About: "`192.168.1.5/24` is an address with a prefix length. Some programs read it as the network, others ignore it."}
	faultWildcardEnv = Fault{ID: "WD-BYPASS-STAR-ENV", Says: "NO_PROXY takes no stars",
		About: "In NO_PROXY a domain begins with a dot (`.contoso.com`), a network is a prefix (`192.168.1.0/24`). Microsoft's environment checker reports stars as critical."}
	faultStar = Fault{ID: "WD-BYPASS-ALL", Says: "it stands for every host", Fix: "leave it out",
		About: "With the entry `*` nothing goes to the proxy."}
	faultStarInside = Fault{ID: "WD-BYPASS-STAR-INSIDE", Says: "a star stands for whole labels, at the beginning", Fix: "write it as *.contoso.com",
		About: "`*contoso.com` also matches `notcontoso.com`, a host of another owner, which would be reached without the proxy."}
	faultDot = Fault{ID: "WD-BYPASS-DOT", Says: "a leading dot is the form of NO_PROXY",
		About: "WinINet and WinHTTP read `.contoso.com` as a host with exactly that name."}
	faultSemicolon = Fault{ID: "WD-BYPASS-SEMICOLON", Says: "NO_PROXY is separated by commas", Fix: "write ,",
		About: "Programs split NO_PROXY only at commas: text joined by `;` is one entry that matches nothing."}
	faultSemicolonGateway = Fault{ID: "WD-BYPASS-SEMICOLON", Says: "with an Arc gateway the list is separated by commas", Fix: "write ,"}
	faultSemicolonNote    = Fault{ID: "WD-BYPASS-SEMICOLON", Says: "Windows reads ; too; the documents of Azure Local ask for commas", Fix: "write ,", Note: true}
	faultEmpty            = Fault{ID: "WD-BYPASS-EMPTY", Says: "an empty entry", Fix: "leave it out",
		About: "There are two adjacent separators, or one at an end. Microsoft's environment checker reports `,,` as critical; Arc Resource Bridge refuses the list."}
	faultSpace = Fault{ID: "WD-BYPASS-SPACE", Says: "a space in the list", Fix: "leave it out",
		About: "Some programs read the space as a part of the name next to it, which then matches nothing."}
	faultQuote = Fault{ID: "WD-BYPASS-QUOTE", Says: "a quotation mark in the list", Fix: "leave it out",
		About: "Quotation marks belong to the command that sets the list. Some programs read typographic ones, copied from a document, as a part of the name."}
	faultScheme = Fault{ID: "WD-BYPASS-SCHEME", Says: "an entry is a host, not a URL",
		About: "Entries are compared with host names."}
	faultPort = Fault{ID: "WD-BYPASS-PORT", Says: "an entry has no port",
		About: "Programs differ: some compare the port, some read it as a part of the name."}
	faultHost = Fault{ID: "WD-BYPASS-HOST", Says: "not the name of a host", Fix: "leave it out, or write the name",
		About: "It has a character or a form that host names cannot have."}
	faultSvc = Fault{ID: "WD-BYPASS-SVC", Says: "names inside a cluster belong in NO_PROXY only", Fix: "leave it out",
		About: "Microsoft's registration sets NO_PROXY by itself and asks for lists without `.svc` (azure-stack-docs, deployment-azure-arc-gateway)."}
	faultArc = Fault{ID: "WD-BYPASS-ARC", Says: "Azure Arc is reached through the proxy", Fix: "leave it out, and resolve the name publicly",
		About: "Azure Local does not support Arc Private Link. An entry for Arc's services sends nodes around the proxy, to a firewall that does not let them out."}
	faultACR = Fault{ID: "WD-BYPASS-ACR", Says: "no wildcard for container registries", Fix: "name the registry, such as contoso.azurecr.io",
		About: "Microsoft's own registries are public and go through the proxy: name the registry that has a private endpoint (azure-stack-docs, 2026-03)."}
	faultTwice = Fault{ID: "WD-BYPASS-TWICE", Says: "the entry is there twice", Fix: "leave it out", Note: true,
		About: "Harmless; Windows has a limit on the length of the list."}
	faultMissing = Fault{ID: "WD-BYPASS-MISSING", Says: "missing",
		About: "Each node and the cluster (name and address, or their subnet), the domain, private endpoints, `localhost` and `127.0.0.1` must be in the list; in NO_PROXY also `.svc`, `kubernetes.default.svc`, `.svc.cluster.local` and the three private ranges."}
	faultLong = Fault{ID: "WD-BYPASS-LONG", Says: "the list is too long", Fix: "use wildcards and subnets",
		About: "No site needs a list of 64 KiB."}
)

// Faults are all kinds of faults, for the page that explains them.
func Faults() []Fault {
	return []Fault{
		faultMissing, faultLocal, faultCIDR, faultHostBits, faultWildcardEnv, faultStar, faultStarInside, faultDot, faultSemicolon, faultEmpty, faultSpace,
		faultQuote, faultScheme, faultPort, faultHost, faultSvc, faultArc, faultACR, faultTwice, faultLong,
	}
}
