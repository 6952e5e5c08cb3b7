package catalog

import (
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// A Shared is a domain whose names belong to many owners: whoever signs up gets one. A wildcard
// there lets data out to all of them.
type Shared struct {
	Suffix string // "blob.core.windows.net"
	What   string // what a name below it is: "storage account"
	Source string // who says so
	// Above is set if the domain that was asked for is not part of Suffix, but contains it:
	// "windows.net" contains "blob.core.windows.net".
	Above bool
}

// Sources of the table below.
const (
	azureDomains = "Reference list of Azure domains (Microsoft documentation)"
	azureNames   = "the naming rules of the service (Microsoft documentation)"
	suffixList   = "Public Suffix List (publicsuffix.org)"
)

// sharedSuffixes are shared domains of Azure, most of which the Public Suffix List does not have.
// The second field is how many labels below the suffix do not tell owners apart, such as the zone
// in acct.z13.web.core.windows.net.
var sharedSuffixes = []struct {
	suffix string
	zones  int
	what   string
	source string
}{
	{"blob.core.windows.net", 0, "storage account", azureDomains},
	{"file.core.windows.net", 0, "storage account", azureDomains},
	{"queue.core.windows.net", 0, "storage account", azureDomains},
	{"table.core.windows.net", 0, "storage account", azureDomains},
	{"dfs.core.windows.net", 0, "storage account", azureNames},
	{"web.core.windows.net", 1, "website of a storage account", azureNames},
	{"blob.storage.azure.net", 1, "storage account in a DNS zone", azureNames},
	{"azurewebsites.net", 0, "web app", azureDomains},
	{"azurestaticapps.net", 0, "static web app", azureNames},
	{"azurecontainerapps.io", 1, "container app", azureNames},
	{"azurefd.net", 0, "Front Door profile", azureDomains},
	{"azureedge.net", 0, "CDN endpoint", azureDomains},
	{"vo.msecnd.net", 0, "CDN endpoint", azureDomains},
	{"trafficmanager.net", 0, "Traffic Manager profile", azureDomains},
	{"cloudapp.azure.com", 1, "virtual machine", azureDomains},
	{"cloudapp.net", 0, "cloud service", azureDomains},
	{"servicebus.windows.net", 0, "relay or event hub", azureDomains},
	{"azure-api.net", 0, "API gateway", azureDomains},
	{"azure-mobile.net", 0, "mobile backend", azureDomains},
	{"azurecr.io", 0, "container registry", azureDomains},
	{"azmk8s.io", 1, "Kubernetes cluster", azureDomains},
	{"vault.azure.net", 0, "key vault", azureDomains},
	{"database.windows.net", 0, "SQL server", azureDomains},
	{"redis.cache.windows.net", 0, "Redis cache", azureNames},
	{"search.windows.net", 0, "search service", azureNames},
	{"documents.azure.com", 0, "Cosmos DB account", azureDomains},
	{"cognitiveservices.azure.com", 0, "AI service", azureNames},
	{"openai.azure.com", 0, "AI service", azureNames},
	{"azure-automation.net", 0, "webhook of an automation account", azureNames},
	{"azure-devices.net", 0, "IoT hub", azureNames},
	{"azuredatalakestore.net", 0, "data lake", azureNames},
	{"azuredatabricks.net", 0, "Databricks workspace", azureNames},
	{"visualstudio.com", 0, "DevOps organisation", azureDomains},
	// China, run by 21Vianet
	{"blob.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"file.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"servicebus.chinacloudapi.cn", 0, "relay or event hub", azureNames},
	{"chinacloudsites.cn", 0, "web app", azureNames},
	{"cloudapp.chinacloudapi.cn", 1, "virtual machine", azureNames},
	{"trafficmanager.cn", 0, "Traffic Manager profile", azureNames},
	{"azure-api.cn", 0, "API gateway", azureNames},
	{"azurecr.cn", 0, "container registry", azureNames},
	{"vault.azure.cn", 0, "key vault", azureNames},
	// US government
	{"blob.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"file.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"servicebus.usgovcloudapi.net", 0, "relay or event hub", azureNames},
	{"azurewebsites.us", 0, "web app", azureNames},
	{"cloudapp.usgovcloudapi.net", 1, "virtual machine", azureNames},
	{"usgovtrafficmanager.net", 0, "Traffic Manager profile", azureNames},
	{"azure-api.us", 0, "API gateway", azureNames},
	{"azurecr.us", 0, "container registry", azureNames},
	{"vault.usgovcloudapi.net", 0, "key vault", azureNames},
}

// A sharedZone is what is known of one domain.
type sharedZone struct {
	Shared
	zones int
}

// sharedByDomain has sharedSuffixes and the domains that contain them.
var sharedByDomain = sync.OnceValue(func() map[string]sharedZone {
	all := map[string]sharedZone{}
	for _, s := range sharedSuffixes {
		all[s.suffix] = sharedZone{Shared{Suffix: s.suffix, What: s.what, Source: s.source}, s.zones}
	}
	for _, s := range sharedSuffixes {
		for above := parentDomain(s.suffix); strings.Contains(above, "."); above = parentDomain(above) {
			if _, known := all[above]; !known {
				all[above] = sharedZone{Shared: Shared{Suffix: s.suffix, What: s.what, Source: s.source, Above: true}}
			}
		}
	}
	return all
})

// SharedUnder says whether "*.domain" admits names of many owners: because domain is shared, or is a
// public suffix (with the private section of the Public Suffix List), or because a shared domain lies
// below it. A domain that has one owner, such as "acct.blob.core.windows.net", is not. Domain is in
// its normal form.
func SharedUnder(domain string) (Shared, bool) {
	all := sharedByDomain()
	for at, zones := domain, 0; at != ""; at, zones = parentDomain(at), zones+1 {
		s, known := all[at]
		switch {
		case !known || s.Above && zones > 0:
			continue // a domain beside those that are shared
		case zones <= s.zones:
			return s.Shared, true
		}
		return Shared{}, false // a name that has an owner, or a part of one
	}
	suffix, icann := publicsuffix.PublicSuffix(domain)
	if suffix != domain {
		return Shared{}, false
	}
	what := "name that somebody registered"
	if !icann && strings.Contains(domain, ".") {
		what = "customer of the domain's owner"
	}
	return Shared{Suffix: suffix, What: what, Source: suffixList}, true
}

// sharedHosts are hosts on which whoever signs up has a path of his own to put things to. Inside TLS
// a rule cannot tell one path from another.
var sharedHosts = map[string]string{
	"docs.google.com":           "document",
	"drive.google.com":          "file share",
	"gcr.io":                    "container registry",
	"ghcr.io":                   "container registry",
	"gist.github.com":           "GitHub user",
	"github.com":                "GitHub repository",
	"pastebin.com":              "paste",
	"raw.githubusercontent.com": "GitHub repository",
	"registry-1.docker.io":      "container repository",
	"s3.amazonaws.com":          "storage bucket",
	"storage.googleapis.com":    "storage bucket",
	"www.dropbox.com":           "file share",
}

// SharedHost says what the owners of paths on host have there, such as "storage bucket"; empty if
// host is not known to be shared by path.
func SharedHost(host string) string { return sharedHosts[host] }

// Registrable returns the domain that somebody registered to have host: "microsoft.com" for
// "www.microsoft.com". It is empty if host is a public suffix itself. Here the private section of the
// Public Suffix List counts: for "www.acct.azurewebsites.net" it is "acct.azurewebsites.net".
func Registrable(host string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return domain
}

func parentDomain(domain string) string {
	_, parent, _ := strings.Cut(domain, ".")
	return parent
}
