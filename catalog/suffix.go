package catalog

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// A Shared is a domain whose names belong to many owners: whoever signs up gets one. A wildcard there lets data out to all of
// them.
type Shared struct {
	Suffix string // "blob.core.windows.net"
	What   string // what a name below it is: "storage account"
	Source string // where that is documented
	// Above is set if the domain is above Suffix, as "windows.net" is above "blob.core.windows.net".
	Above bool
}

// Sources of the table below.
const (
	azureDomains = "Reference list of Azure domains (Microsoft documentation)"
	azureNames   = "the naming rules of the service (Microsoft documentation)"
	suffixList   = "Public Suffix List (publicsuffix.org)"
)

// anyDepth is the number of zones of a suffix below which no label identifies an owner.
const anyDepth = 99

// sharedSuffixes are domains whose names belong to many owners, most of which the Public Suffix List does not have.
// zones is how many labels below the suffix do not identify an owner, such as z13 in acct.z13.web.core.windows.net.
var sharedSuffixes = []struct {
	suffix string
	zones  int
	what   string
	source string
}{
	// storage
	{"blob.core.windows.net", 0, "storage account", azureDomains},
	{"file.core.windows.net", 0, "storage account", azureDomains},
	{"queue.core.windows.net", 0, "storage account", azureDomains},
	{"table.core.windows.net", 0, "storage account", azureDomains},
	{"dfs.core.windows.net", 0, "storage account", azureNames},
	{"web.core.windows.net", 1, "website of a storage account", azureNames},
	{"storage.azure.net", 2, "storage account in a DNS zone", azureNames},
	{"afs.azure.net", 1, "file sync service", azureNames},
	{"azuredatalakestore.net", 0, "data lake", azureNames},
	{"azuredatalakeanalytics.net", 0, "data lake", azureNames},
	// compute and web
	{"azurewebsites.net", 0, "web app", azureDomains},
	{"scm.azurewebsites.net", 0, "web app", azureNames},
	{"azurestaticapps.net", 0, "static web app", azureNames},
	{"azurecontainer.io", 1, "container instance", azureNames},
	{"azurecontainerapps.io", 1, "container app", azureNames},
	{"azurecontainerapps.dev", 1, "container app", azureNames},
	{"azuremicroservices.io", 0, "Spring app", azureNames},
	{"azurefd.net", 0, "Front Door profile", azureDomains},
	{"a01.azurefd.net", 0, "Front Door profile", azureNames},
	{"a02.azurefd.net", 0, "Front Door profile", azureNames},
	{"a03.azurefd.net", 0, "Front Door profile", azureNames},
	{"b01.azurefd.net", 0, "Front Door profile", azureNames},
	{"b02.azurefd.net", 0, "Front Door profile", azureNames},
	{"z01.azurefd.net", 0, "Front Door profile", azureNames},
	{"azureedge.net", 0, "CDN endpoint", azureDomains},
	{"msecnd.net", 0, "CDN endpoint", azureNames},
	{"vo.msecnd.net", 0, "CDN endpoint", azureDomains},
	{"streaming.media.azure.net", 0, "media service", azureNames},
	{"trafficmanager.net", 0, "Traffic Manager profile", azureDomains},
	{"cloudapp.azure.com", 1, "virtual machine", azureDomains},
	{"cloudapp.net", 0, "cloud service", azureDomains},
	{"batch.azure.com", 1, "batch account", azureNames},
	{"azmk8s.io", 1, "Kubernetes cluster", azureDomains},
	{"azurecr.io", 0, "container registry", azureDomains},
	{"data.azurecr.io", 1, "container registry", azureNames},
	{"azurehdinsight.net", 0, "HDInsight cluster", azureNames},
	{"azuredatabricks.net", 0, "Databricks workspace", azureNames},
	{"azureml.ms", anyDepth, "machine learning workspace", azureNames},
	{"inference.ml.azure.com", 1, "machine learning endpoint", azureNames},
	{"azure-api.net", 0, "API gateway", azureDomains},
	{"azure-apim.net", 0, "API connector", azureNames},
	{"azure-mobile.net", 0, "mobile backend", azureDomains},
	{"logic.azure.com", anyDepth, "workflow that a web hook starts", azureNames},
	{"azure-automation.net", anyDepth, "webhook of an automation account", azureNames},
	// databases
	{"database.windows.net", 0, "SQL server", azureDomains},
	{"database.azure.com", 1, "database server", azureNames},
	{"azuresynapse.net", 0, "Synapse workspace", azureNames},
	{"sql.azuresynapse.net", 0, "Synapse workspace", azureNames},
	{"dev.azuresynapse.net", 0, "Synapse workspace", azureNames},
	{"documents.azure.com", 0, "Cosmos DB account", azureDomains},
	{"cosmos.azure.com", 1, "Cosmos DB account", azureNames},
	{"redis.cache.windows.net", 0, "Redis cache", azureNames},
	{"cache.azure.net", 2, "Redis cache", azureNames},
	{"redis.azure.net", 1, "Redis cache", azureNames},
	{"search.windows.net", 0, "search service", azureNames},
	{"kusto.windows.net", 1, "Data Explorer cluster", azureNames},
	// messages and devices
	{"servicebus.windows.net", 0, "relay or event hub", azureDomains},
	{"eventgrid.azure.net", 1, "Event Grid topic", azureNames},
	{"service.signalr.net", 0, "SignalR service", azureNames},
	{"webpubsub.azure.com", 0, "Web PubSub service", azureNames},
	{"communication.azure.com", 1, "communication service", azureNames},
	{"azure-devices.net", 0, "IoT hub", azureNames},
	{"azure-devices-provisioning.net", 0, "IoT provisioning service", azureNames},
	{"azureiotcentral.com", 0, "IoT Central application", azureNames},
	{"digitaltwins.azure.net", 2, "digital twin", azureNames},
	{"deviceonboard.azure.net", 1, "device onboarding service", azureNames},
	{"devicerendezvous.azure.net", 1, "device onboarding service", azureNames},
	// keys, identities, settings
	{"vault.azure.net", 0, "key vault", azureDomains},
	{"managedhsm.azure.net", 0, "managed HSM", azureNames},
	{"attest.azure.net", 1, "attestation provider", azureNames},
	{"confidential-ledger.azure.com", 0, "ledger", azureNames},
	{"azconfig.io", 0, "App Configuration store", azureNames},
	{"onmicrosoft.com", 0, "Entra tenant", azureNames},
	{"b2clogin.com", 0, "Entra tenant", azureNames},
	{"ciamlogin.com", 0, "Entra tenant", azureNames},
	{"microsoftonline-p.net", 0, "Entra tenant", azureNames},
	// telemetry, management
	{"ods.opinsights.azure.com", 0, "Log Analytics workspace", azureNames},
	{"oms.opinsights.azure.com", 0, "Log Analytics workspace", azureNames},
	{"ingest.monitor.azure.com", 1, "data collection endpoint", azureNames},
	{"metrics.ingest.monitor.azure.com", 1, "data collection endpoint", azureNames},
	{"handler.control.monitor.azure.com", 1, "data collection endpoint", azureNames},
	{"prometheus.monitor.azure.com", 1, "monitoring workspace", azureNames},
	{"monitoring.azure.com", anyDepth, "monitored resource", azureNames},
	{"grafana.azure.com", 1, "Grafana workspace", azureNames},
	{"purview.azure.com", 0, "Purview account", azureNames},
	{"gw.arc.azure.com", 0, "Arc gateway", azureNames},
	{"gw.arc.azure.net", 0, "Arc gateway", azureNames},
	{"arcdataservices.com", anyDepth, "Arc data controller", azureNames},
	{"waconazure.com", 1, "Windows Admin Center", azureNames},
	{"backup.windowsazure.com", anyDepth, "backup vault", azureNames},
	{"hypervrecoverymanager.windowsazure.com", anyDepth, "recovery vault", azureNames},
	// AI, health, business
	{"cognitiveservices.azure.com", 0, "AI service", azureNames},
	{"openai.azure.com", 0, "AI service", azureNames},
	{"services.ai.azure.com", 0, "AI service", azureNames},
	{"azurehealthcareapis.com", 1, "health data service", azureNames},
	{"dynamics.com", 1, "Dynamics environment", azureNames},
	{"sharepoint.com", 0, "Microsoft 365 tenant", azureNames},
	{"my.sharepoint.com", 0, "Microsoft 365 user", azureNames},
	{"powerappsportals.com", 0, "Power Pages site", azureNames},
	{"powerplatformusercontent.com", anyDepth, "Power Platform environment", azureNames},
	// development
	{"visualstudio.com", 0, "DevOps organisation", azureDomains},
	{"dev.azure.com", 1, "DevOps organisation", azureNames},
	{"vsassets.io", anyDepth, "DevOps organisation", azureNames},
	{"devtunnels.ms", anyDepth, "tunnel to a developer's machine", azureNames},
	{"github.dev", 0, "codespace", "GitHub documentation"},
	{"app.github.dev", 0, "codespace", "GitHub documentation"},
	// China, run by 21Vianet
	{"blob.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"file.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"queue.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"table.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"dfs.core.chinacloudapi.cn", 0, "storage account", azureNames},
	{"web.core.chinacloudapi.cn", 1, "website of a storage account", azureNames},
	{"servicebus.chinacloudapi.cn", 0, "relay or event hub", azureNames},
	{"database.chinacloudapi.cn", 1, "database server", azureNames},
	{"kusto.chinacloudapi.cn", 1, "Data Explorer cluster", azureNames},
	{"redis.cache.chinacloudapi.cn", 0, "Redis cache", azureNames},
	{"documents.azure.cn", 0, "Cosmos DB account", azureNames},
	{"azure-devices.cn", 0, "IoT hub", azureNames},
	{"chinacloudsites.cn", 0, "web app", azureNames},
	{"cloudapp.chinacloudapi.cn", 1, "virtual machine", azureNames},
	{"chinacloudapp.cn", 0, "cloud service", azureNames},
	{"cx.prod.service.azk8s.cn", 1, "Kubernetes cluster", azureNames},
	{"azurefd.cn", 0, "Front Door profile", azureNames},
	{"azureedge.cn", 0, "CDN endpoint", azureNames},
	{"search.azure.cn", 0, "search service", azureNames},
	{"cognitiveservices.azure.cn", 0, "AI service", azureNames},
	{"logic.azure.cn", anyDepth, "workflow that a web hook starts", azureNames},
	{"opinsights.azure.cn", 1, "Log Analytics workspace", azureNames},
	{"azconfig.azure.cn", 0, "App Configuration store", azureNames},
	{"trafficmanager.cn", 0, "Traffic Manager profile", azureNames},
	{"azure-api.cn", 0, "API gateway", azureNames},
	{"azure-automation.cn", anyDepth, "webhook of an automation account", azureNames},
	{"azurecr.cn", 0, "container registry", azureNames},
	{"vault.azure.cn", 0, "key vault", azureNames},
	{"managedhsm.azure.cn", 0, "managed HSM", azureNames},
	{"sharepoint.cn", 0, "Microsoft 365 tenant", azureNames},
	{"partner.onmschina.cn", 0, "Entra tenant", azureNames},
	// US government
	{"blob.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"file.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"queue.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"table.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"dfs.core.usgovcloudapi.net", 0, "storage account", azureNames},
	{"web.core.usgovcloudapi.net", 1, "website of a storage account", azureNames},
	{"servicebus.usgovcloudapi.net", 0, "relay or event hub", azureNames},
	{"database.usgovcloudapi.net", 1, "database server", azureNames},
	{"kusto.usgovcloudapi.net", 1, "Data Explorer cluster", azureNames},
	{"redis.cache.usgovcloudapi.net", 0, "Redis cache", azureNames},
	{"documents.azure.us", 0, "Cosmos DB account", azureNames},
	{"azure-devices.us", 0, "IoT hub", azureNames},
	{"azurewebsites.us", 0, "web app", azureNames},
	{"scm.azurewebsites.us", 0, "web app", azureNames},
	{"azurestaticapps.us", 0, "static web app", azureNames},
	{"azurecontainerapps.us", 1, "container app", azureNames},
	{"cloudapp.usgovcloudapi.net", 1, "virtual machine", azureNames},
	{"usgovcloudapp.net", 0, "cloud service", azureNames},
	{"cx.aks.containerservice.azure.us", 1, "Kubernetes cluster", azureNames},
	{"azurefd.us", 0, "Front Door profile", azureNames},
	{"search.azure.us", 0, "search service", azureNames},
	{"cognitiveservices.azure.us", 0, "AI service", azureNames},
	{"openai.azure.us", 0, "AI service", azureNames},
	{"azconfig.azure.us", 0, "App Configuration store", azureNames},
	{"azurehdinsight.us", 0, "HDInsight cluster", azureNames},
	{"opinsights.azure.us", 1, "Log Analytics workspace", azureNames},
	{"logic.azure.us", anyDepth, "workflow that a web hook starts", azureNames},
	{"usgovtrafficmanager.net", 0, "Traffic Manager profile", azureNames},
	{"azure-api.us", 0, "API gateway", azureNames},
	{"azure-automation.us", anyDepth, "webhook of an automation account", azureNames},
	{"azurecr.us", 0, "container registry", azureNames},
	{"vault.usgovcloudapi.net", 0, "key vault", azureNames},
	{"managedhsm.usgovcloudapi.net", 0, "managed HSM", azureNames},
	{"sharepoint.us", 0, "Microsoft 365 tenant", azureNames},
	{"onmicrosoft.us", 0, "Entra tenant", azureNames},
	{"microsoftdynamics.us", 1, "Dynamics environment", azureNames},
	// other clouds: object stores, sites and networks that the Public Suffix List lacks
	{"storage.googleapis.com", 0, "storage bucket", otherClouds},
	{"cloudfunctions.net", 0, "cloud function", otherClouds},
	{"firebaseio.com", 0, "database", otherClouds},
	{"firebasestorage.app", 0, "storage bucket", otherClouds},
	{"firebasedatabase.app", anyDepth, "database", otherClouds},
	{"digitaloceanspaces.com", 1, "storage bucket", otherClouds},
	{"r2.cloudflarestorage.com", 0, "storage bucket", otherClouds},
	{"r2.dev", 0, "storage bucket", otherClouds},
	{"backblazeb2.com", 1, "storage bucket", otherClouds},
	{"wasabisys.com", 1, "storage bucket", otherClouds},
	{"aliyuncs.com", 1, "storage bucket", otherClouds},
	{"myqcloud.com", 1, "storage bucket", otherClouds},
	{"myhuaweicloud.com", 1, "storage bucket", otherClouds},
	{"oraclecloud.com", anyDepth, "cloud tenancy", otherClouds},
	{"oraclecloudapps.com", anyDepth, "cloud tenancy", otherClouds},
	{"customer-oci.com", anyDepth, "cloud tenancy", otherClouds},
	{"appdomain.cloud", anyDepth, "cloud tenancy", otherClouds},
	{"linodeobjects.com", 1, "storage bucket", otherClouds},
	{"vultrobjects.com", 1, "storage bucket", otherClouds},
	{"scw.cloud", anyDepth, "cloud tenancy", otherClouds},
	{"ovh.net", 2, "cloud tenancy", otherClouds},
	{"exo.io", 0, "storage bucket", otherClouds},
	{"supabase.co", 0, "database", otherClouds},
	{"fastly.net", 1, "CDN site", otherClouds},
	{"edgekey.net", 0, "CDN site", otherClouds},
	{"akamai.net", 0, "CDN site", otherClouds},
	{"b-cdn.net", 0, "CDN site", otherClouds},
	{"blogspot.com", 0, "blog", otherClouds},
	{"wordpress.com", 0, "blog", otherClouds},
	{"onrender.com", 0, "web app", otherClouds},
	{"fly.dev", 0, "web app", otherClouds},
	{"docker.io", 0, "container registry", otherClouds},
	{"gcr.io", 0, "container registry", otherClouds},
	{"quay.io", 0, "container registry", otherClouds},
	{"pkg.dev", 0, "container registry", otherClouds},
	{"snowflakecomputing.com", 2, "data warehouse", otherClouds},
	{"service-now.com", 0, "ServiceNow instance", otherClouds},
	{"atlassian.net", 0, "Atlassian site", otherClouds},
	{"zendesk.com", 0, "Zendesk site", otherClouds},
	{"slack.com", 0, "Slack workspace", otherClouds},
}

// otherClouds is the source of a row about another provider.
const otherClouds = "the naming rules of the provider (its documentation)"

// A sharedZone is a shared domain with its number of zones.
type sharedZone struct {
	Shared
	zones int
}

// sharedByDomain has sharedSuffixes, receivers, and the domains above one of those, above a suffix of the Public Suffix List, or
// above a host that is shared by path.
var sharedByDomain = sync.OnceValue(func() map[string]sharedZone {
	all := map[string]sharedZone{}
	for _, s := range sharedSuffixes {
		all[s.suffix] = sharedZone{Shared{Suffix: s.suffix, What: s.what, Source: s.source}, s.zones}
	}
	for domain, what := range receivers {
		if _, known := all[domain]; !known {
			all[domain] = sharedZone{Shared{Suffix: domain, What: what, Source: otherClouds}, anyDepth}
		}
	}
	above := func(s Shared) {
		s.Above = true
		for at := parentDomain(s.Suffix); strings.Contains(at, "."); at = parentDomain(at) {
			if _, known := all[at]; !known {
				all[at] = sharedZone{Shared: s}
			}
		}
	}
	for _, s := range sharedSuffixes {
		above(Shared{Suffix: s.suffix, What: s.what, Source: s.source})
	}
	for _, host := range slices.Sorted(maps.Keys(receivers)) {
		above(Shared{Suffix: host, What: receivers[host], Source: otherClouds})
	}
	for _, host := range slices.Sorted(maps.Keys(sharedHosts)) {
		above(Shared{Suffix: host, What: sharedHosts[host], Source: otherClouds})
	}
	for line := range strings.Lines(suffixesAbove) {
		domain, suffix, ok := strings.Cut(strings.TrimSpace(line), " ")
		if _, known := all[domain]; ok && !known && domain != "#" {
			all[domain] = sharedZone{Shared: Shared{Suffix: suffix, What: customer, Source: suffixList, Above: true}}
		}
	}
	return all
})

//go:embed suffixes_above.txt
var suffixesAbove string

// customer is the What of a suffix in the private section of the Public Suffix List.
const customer = "customer of the domain's owner"

// SharedUnder reports whether "*.domain" admits names of many owners: domain is shared, or is a public suffix (the private
// section of the Public Suffix List included), or a shared domain is below it. A domain of one owner, such as
// "acct.blob.core.windows.net", is not shared. Domain is in its normal form.
func SharedUnder(domain string) (Shared, bool) {
	if s, zones, ok := sharedAt(domain); ok && zones <= s.zones {
		return s.Shared, true
	}
	if suffix, icann := publicsuffix.PublicSuffix(domain); suffix == domain {
		what := "name that somebody registered"
		if !icann && strings.Contains(domain, ".") {
			what = customer
		}
		return Shared{Suffix: suffix, What: what, Source: suffixList}, true
	}
	if s, known := sharedByDomain()[domain]; known && s.Above {
		return s.Shared, true
	}
	return Shared{}, false
}

// sharedAt is the nearest shared suffix at or above domain, and how many labels domain has below it.
func sharedAt(domain string) (s sharedZone, below int, ok bool) {
	all := sharedByDomain()
	for at := domain; at != ""; at, below = parentDomain(at), below+1 {
		if s, ok = all[at]; ok && !s.Above {
			return s, below, true
		}
	}
	return sharedZone{}, 0, false
}

// Owner returns the domain of host that has one owner, and may be host itself: a registered domain, or a customer's name below a
// shared suffix. It is empty if no label identifies an owner: for a shared suffix itself, a public suffix, and the hosts of a
// service that all its customers use.
func Owner(host string) string {
	s, below, ok := sharedAt(host)
	if suffix, _ := publicsuffix.PublicSuffix(host); !ok || strings.HasSuffix(suffix, "."+s.Suffix) {
		return Registrable(host)
	}
	if below <= s.zones {
		return ""
	}
	owner := host
	for range below - s.zones - 1 {
		owner = parentDomain(owner)
	}
	return owner
}

// sharedHosts are hosts on which whoever signs up has a path of their own to write to. In a tunnel a rule cannot distinguish
// paths.
var sharedHosts = map[string]string{
	"dev.azure.com":             "DevOps organisation",
	"docs.google.com":           "document",
	"drive.google.com":          "file share",
	"gcr.io":                    "container registry",
	"ghcr.io":                   "container registry",
	"gist.github.com":           "GitHub user",
	"github.com":                "GitHub repository",
	"pkgs.dev.azure.com":        "DevOps organisation",
	"quay.io":                   "container registry",
	"raw.githubusercontent.com": "GitHub repository",
	"registry-1.docker.io":      "container repository",
	"s3.amazonaws.com":          "storage bucket",
	"storage.googleapis.com":    "storage bucket",
	"www.dropbox.com":           "file share",
}

// SharedHost says what a path on host is, such as "storage bucket"; empty if host is not known to be shared by path.
func SharedHost(host string) string {
	if what := sharedHosts[host]; what != "" {
		return what
	}
	if at := receiverOf(host); at == host {
		return receivers[at]
	}
	return ""
}

// Registrable returns the registered domain of host: "microsoft.com" for "www.microsoft.com". It is empty if host is a public
// suffix itself. The private section of the Public Suffix List counts: for "www.acct.azurewebsites.net" it is
// "acct.azurewebsites.net".
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
