package main

import (
	"strings"

	"webproxy/catalog"
)

const (
	firewallDoc = "Firewall requirements for Azure Stack HCI (Microsoft documentation)"
	history     = "Azure/AzureStack-Tools HCI/EastUSendpoints history"
	urlSheets   = "Azure/AzureStack-Tools HCI/azure-stack-hci-firewall-rules.xlsx"
)

// isFirewallDoc reports whether r is from the 2021-12 document, which the table marks with "seed:".
func isFirewallDoc(r row) bool { return strings.HasPrefix(r["source"], "seed:") }

// listName is the set of the row; each hardware vendor has a list of its own.
func listName(r row) string {
	if r["set"] != "oem" {
		return r["set"]
	}
	i := strings.LastIndexByte(r["source"], '/')
	return "oem-" + strings.ToLower(r["source"][i+1:])
}

// hasCloudColumn reports whether the source of r distinguishes clouds. For other sources, of Windows and of hardware vendors,
// which apply to every cloud, the table says "public" too.
func hasCloudColumn(r row) bool {
	s := r["source"]
	switch r["set"] {
	case "oem", "checker":
		return false
	case "update":
		return strings.HasPrefix(s, urlSheets) || strings.Contains(s, "regional lists")
	case "crl", "ocsp":
		return !strings.Contains(s, "azure-certificate-authority-details")
	}
	return true
}

func title(name string) string {
	titles := map[string]string{
		"aks":                 "Azure Kubernetes Service on Azure Local",
		"arb":                 "Azure Arc resource bridge",
		"arc":                 "Azure Arc-enabled servers",
		"arc-gateway":         "Azure Arc gateway",
		"arc-gateway-reduced": "What is still needed directly with an Azure Arc gateway",
		"arc-k8s":             "Azure Arc-enabled Kubernetes",
		"auth":                "Microsoft Entra ID and Azure Resource Manager",
		"azure-services":      "Azure services that Azure Stack HCI may use",
		"checker":             "Probes of the Azure Stack HCI environment checker",
		"crl":                 "Certificate revocation lists and issuer certificates",
		"defender":            "Microsoft Defender",
		"gallery":             "PowerShell Gallery",
		"hci":                 "Azure Stack HCI / Azure Local core",
		"keyvault":            "Azure Key Vault for deployment secrets",
		"monitoring":          "Metrics, telemetry and diagnostics",
		"ocsp":                "Online certificate status",
		"oem-dataon":          "DataON solution builder extension",
		"oem-dell":            "Dell solution builder extension",
		"oem-hitachi":         "Hitachi solution builder extension",
		"oem-hpe":             "HPE solution builder extension",
		"oem-lenovo":          "Lenovo solution builder extension",
		"portal":              "Azure portal, for browsers of administrators",
		"qualys":              "Qualys vulnerability assessment",
		"remote-support":      "Remote support by Microsoft",
		"tools":               "Downloads for administrators",
		"update":              "Microsoft Update and Windows Update",
		"wac":                 "Windows Admin Center",
		"witness":             "Cluster cloud witness",
	}
	if t := titles[name]; t != "" {
		return t
	}
	return name
}

// generationOf is the month of a row's generation. A document belongs to the newest generation until a later one replaces it.
func generationOf(r row) string {
	switch d := r["source_date"]; {
	case isFirewallDoc(r):
		return "2021-12"
	case r["source"] == history:
		return "2025-11" // dropped by later lists, and still needed by older versions
	case strings.HasPrefix(r["source"], urlSheets), d == "2022-04-27 (content 2023)", d == "2023-03-07":
		return "2023-01"
	case d == "2023-01-30": // documents replaced in 2024
		return "2023-01"
	case d == "2021-02-02":
		return "2021-02"
	case d == "2022-04-27":
		return "2022-04"
	case d == "2023-12-11", d == "2023":
		return "2023-12"
	}
	return "2026-07"
}

// source is the row's source without the table's own remarks. The three sheets of one workbook, one for each cloud, are one
// document.
func source(r row) string {
	s := r["source"]
	switch {
	case isFirewallDoc(r):
		return firewallDoc
	case strings.HasPrefix(s, urlSheets):
		return urlSheets
	case strings.HasPrefix(s, "Windows docs/scripts quoting MS Support"):
		return `Windows documentation quoting Microsoft Support, "windows-update-issues-troubleshooting"`
	case strings.HasPrefix(s, "AzStackHci.EnvironmentChecker *.Targets.json"):
		return "AzStackHci.EnvironmentChecker *.Targets.json, as of about 2023-11"
	}
	return strings.Replace(s, " (source column", ` (column`, 1)
}

func date(r row) string {
	d, _, _ := strings.Cut(r["source_date"], " ")
	return d
}

// description is the row's description without the table's own remarks; those worth keeping are in endpointNote and
// documentNotes.
func description(r row) string {
	return strings.NewReplacer(
		`; seed prose says "uses port 443", the list itself is mostly http://`, "",
		" (seed gives no host; upstream Arc-for-Kubernetes docs paired git://:9418 with git://github.com)", "",
		" - seed says: Coming soon. (no URL given)", "",
		" (seed: no service tag exists for it)", " (no service tag exists for it)",
		` (host-less row; sibling row in the same table is the equally host-less "https://443")`, "",
		", see FINDINGS)", ")",
		` Doc: "*." does NOT cover the apex - add both forms`, "",
		"(admin browser).", "(administrator's browser)",
		` (doc has a stray "]" after the host)`, "",
		` AS PRINTED (typo "stackchi"; later lists say dp.azurestackhci.azure.us)`, "",
		"; the AzureStack-Tools list has s.symcd.com (both spellings are in use)", "",
	).Replace(r["description"])
}

// documentNotes are remarks on a document as a source of the list.
func documentNotes(list, source string) []string {
	switch {
	case source == firewallDoc && list == "update":
		return []string{`Its prose says "Port 443 only"; the list itself is mostly http://. Later editions say ports 80 and 443.`}
	case source == firewallDoc && list == "hci":
		return []string{
			"The sample firewall rule beside the table has -LocalPort 443 for outbound traffic; -RemotePort is meant.",
			"China has three login hosts in the documents: login.partner.microsoftonline.cn here, login.chinacloudapi.cn since 2022-04, login.partner.chinacloudapi.cn for Azure Arc.",
		}
	case source == history:
		return []string{"What the list of a region once had and dropped on the date given. Older versions of Azure Local still need it."}
	case source == urlSheets:
		return []string{"One sheet for each cloud. Its JSON tab gives http:// hosts with port 443, and is not valid JSON."}
	case strings.HasSuffix(source, "azure-portal-safelist-urls.md"):
		return []string{"A wildcard does not cover its apex; the document advises to add both."}
	case strings.HasSuffix(source, "hci-recommended-urls-table.md"):
		return []string{"The date is that of the document; its table was changed in 2023."}
	}
	return nil
}

// endpointNote is what is known to be wrong with an endpoint, or special about it. Errors are not corrected.
func endpointNote(r row, e catalog.Endpoint) string {
	if n := documentErrata(r, e); n != "" {
		return n
	}
	switch e.Host {
	case "wustat.windows.com":
		return "Does not resolve any more."
	case "ntservicepack.microsoft.com":
		return "Dropped from the lists on 2025-02-21."
	case "go.microsoft.com":
		return "Listed with port 80 until 2025-03-31, with 443 since; it redirects to other hosts."
	case "s.symcd.com":
		return "Some validators probe s.symcb.com instead: allow both."
	case "s.symcb.com":
		return "The regional lists have s.symcd.com: allow both."
	case "*.dl.delivery.mp.microsoft.com":
		return "The lists disagree: port 443 in the regional lists, HTTP on port 80 for Delivery Optimization."
	case "aka.ms":
		return "Redirects to other hosts, which must be listed too."
	}
	if strings.HasPrefix(e.Host, "{gateway}.gw.arc.azure.") {
		return "Documents say gw.arc.azure.com; validators and the US Government list still use gw.arc.azure.net: allow both."
	}
	return ""
}

// documentErrata are errors of one document.
func documentErrata(r row, e catalog.Endpoint) string {
	switch {
	case e.Schemes[0] == "git" && isFirewallDoc(r):
		return "Port as printed: 9,418. Documents of Azure Arc-enabled Kubernetes pair git://:9418 with git://github.com."
	case e.Schemes[0] == "git":
		return `The same table has an equally host-less "https://443".`
	case e.Host == "*.windows-int.net":
		return "By all appearances a test domain of Microsoft."
	case e.Host == "dp.azurestackchi.azure.us":
		return "As printed, with a slip in the name; later lists say dp.azurestackhci.azure.us."
	case e.Host == "dp.stackhci.azure.cn" && isFirewallDoc(r):
		return "The service tag is spelt AzureCloud.chinaeast2 in Microsoft's own file."
	case e.Host == "*.windowsupdate.com" && r["set"] == "arc-gateway-reduced":
		return "Printed with https://; the update lists have http:// on port 80."
	case strings.Contains(r["description"], `stray "]"`):
		return `Printed with a stray "]" behind the host.`
	}
	return ""
}
