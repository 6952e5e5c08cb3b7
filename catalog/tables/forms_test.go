package tables_test

import (
	"fmt"
	"strings"
	"testing"

	"webproxy/catalog/tables"
	"webproxy/policy"
)

const (
	denies   = "no_rule: the document denies it"
	udp123   = "no_rule: UDP port 123 does not pass an HTTP proxy: allow it at the firewall"
	noEntity = "no_rule: it names no host"
)

// Whole structured documents, as people have them, with their entries and problems.
func forms() []struct{ name, want, doc string } {
	return []struct{ name, want, doc string }{
		// what allows and what denies
		{"CSV with an action", denies + "; https://a.example.com; problem: \"Sometimes\" is neither allow nor deny",
			"Endpoint URL,Port,Action\npastebin.com,443,Deny\na.example.com,443,Allow\nb.example.com,443,Sometimes"},
		{"CSV without a header, with an action", denies, "pastebin.com,443,Deny"},
		{"a heading", "https://a.example.com; " + denies + "; https://b.example.com",
			"## Allowed\na.example.com\n## Blocked\n- pastebin.com\n## Others\nb.example.com"},
		{"a heading above a table, and one below that", denies + "; " + denies,
			"## Do not allow\n|URL|\n|-|\n|pastebin.com|\n### Storage\nmega.nz"},
		{"a line before a list", denies + "; https://a.example.com", "Blocked:\n- pastebin.com\n\nRequired:\n- a.example.com"},
		{"a label and a remark", "problem: words stand around the address, which may limit or deny it; problem: words stand around the address, which may limit or deny it",
			"Blocked: pastebin.com\npastebin.com (blocked)"},
		{"a column of what is blocked", "https://a.example.com; " + denies, "|Allowed URL|Blocked URL|\n|-|-|\n|a.example.com||\n||pastebin.com|"},
		{"yes and no", denies + "; https://a.example.com", "URL,Blocked\npastebin.com,yes\na.example.com,no"},

		// JSON
		{"nested over lines", "http://crl3.digicert.com; https://a.example.com:8084; " + udp123, `[
  {
    "endpointUrl": "crl3.digicert.com",
    "port": "80"
  },
  { "endpointUrl": "a.example.com",
    "port": 8084 },
  {
    "endpointUrl": "time.windows.com",
    "port": "123"
  }
]`},
		{"the same in one line", "http://crl3.digicert.com; https://a.example.com:8084; " + udp123,
			`[{"endpointUrl":"crl3.digicert.com","port":"80"},{"endpointUrl":"a.example.com","port":8084},{"endpointUrl":"time.windows.com","port":"123"}]`},
		{"objects, one a line", "http://a.example.com; " + denies, `{"url":"a.example.com","port":80}` + "\n" + `{"url":"b.example.com","action":"Block"}`},
		{"an object in a page", "https://before.example.com; http://a.example.com; https://after.example.com",
			"before.example.com\n{\n  \"url\": \"a.example.com\",\n  \"port\": 80\n}\nafter.example.com"},
		{"pairs without braces", "http://crl3.digicert.com", "\"endpointUrl\": \"crl3.digicert.com\",\n\"port\": \"80\","},
		{"an array of names", "https://a.example.com; https://*.b.example.com", `["a.example.com", "*.b.example.com"]`},
		{"broken", "problem: not JSON: invalid character '\"' after object key:value pair", "[{\n\"action\": \"Deny\"\n\"url\": \"pastebin.com\"}]"},
		{"an unknown field", "problem: the field \"target\" is not known", `[{"target": "a.example.com"}]`},
		{"rules that are switched off", "https://b.example.com; problem: the rule is switched off; problem: the rule is switched off",
			`[{"url": "a.example.com", "enabled": false}, {"url": "b.example.com", "enabled": true}, {"url": "c.example.com", "disabled": true}]`},
		{"ports with bars", "http://a.example.com; https://a.example.com", "URL,Port\na.example.com,80|443"},
		{"lists by their names", "https://a.example.com; " + denies, `{"allowed_domains": ["a.example.com"], "blocked_domains": ["pastebin.com"]}`},
		{"the validator's", "https://a.example.com; http://b.example.com", `{"Targets": [{"Name": "Arc", "Title": "Arc for servers",
  "EndPoint": ["a.example.com"], "Protocol": ["https"],
  "Remediation": "https://github.com/Azure/AzureLocal-Supportability", "Severity": "Critical"},
 {"EndPoint": ["b.example.com"], "Protocol": ["http"]}]}`},
		{"an ARM template", "https://*.a.example.com; http://b.example.com; https://b.example.com; " + denies + "; " + noEntity + "; no_rule: UDP port 123 does not pass an HTTP proxy: allow it at the firewall; problem: hosts is an expression, which is not evaluated", `{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [{
    "type": "Microsoft.Network/firewallPolicies/ruleCollectionGroups", // a comment
    "properties": { "ruleCollections": [
      { "action": { "type": "Allow" },
        "rules": [
          { "ruleType": "ApplicationRule", "name": "rule-to-x.example.com",
            "protocols": [ { "protocolType": "Https", "port": 443 } ],
            "targetFqdns": [ "*.a.example.com" ],
            "sourceAddresses": [ "10.0.1.5" ] },
          { "protocols": [ "Http:80", "Https:443" ], "targetFqdns": [ "b.example.com" ] } ] },
      { "action": { "type": "Deny" },
        "rules": [ { "protocols": [ { "protocolType": "Https", "port": 443 } ], "targetFqdns": [ "pastebin.com" ] } ] },
      { "action": { "type": "Allow" },
        "rules": [
          { "ruleType": "NetworkRule", "ipProtocols": [ "TCP" ], "destinationAddresses": [ "AzureCloud" ], "destinationPorts": [ "443" ] },
          { "ruleType": "NetworkRule", "ipProtocols": [ "UDP" ], "destinationAddresses": [ "20.101.57.9" ], "destinationPorts": [ "123" ] },
          { "targetFqdns": [], "hosts": [ "[parameters('host')]" ] },
        ] } ] } }]
}`},

		// Terraform and Bicep
		{"an attribute of Terraform", "https://*.a.com; https://b.com", `target_fqdns = ["*.a.com", "b.com"]`},
		{"Terraform", "https://*.a.example.com; http://b.example.com; problem: target_fqdns is an expression, which is not evaluated; " + denies, `
resource "azurerm_firewall_policy_rule_collection_group" "x" {
  name = "to-x.example.com"
  application_rule_collection {
    name     = "allow"
    priority = 100
    action   = "Allow"
    rule {
      name = "rule1"
      protocols {
        type = "Https"
        port = 443
      }
      source_addresses  = ["10.0.1.0/24"]
      destination_fqdns = [
        "*.a.example.com",
      ]
    }
    rule {
      name = "rule2"
      protocols {
        type = "Http"
        port = 80
      }
      destination_fqdns = ["b.example.com"]
    }
    rule {
      target_fqdns = [var.host]
    }
  }
  application_rule_collection {
    action = "Deny"
    rule {
      protocols {
        type = "Https"
        port = 443
      }
      destination_fqdns = ["pastebin.com"]
    }
  }
}`},
		{"Terraform that is broken", "problem: not Terraform: ", "resource \"a\" \"b\" {\n  action = \"Deny\"\n  fqdns = [\n \"pastebin.com\",\n"},
		{"Bicep, a part", "https://*.a.com", "name: 'rule-to-*.a.com'\ntargetFqdns: [ '*.a.com' ]"},
		{"Bicep", "http://a.example.com:8080; " + denies + "; problem: targetFqdns is an expression, which is not evaluated; problem: targetFqdns is an expression, which is not evaluated", `
param region string = 'eastus'
@description('see https://docs.example.com')
resource group 'Microsoft.Network/firewallPolicies/ruleCollectionGroups@2023-04-01' = {
  name: 'x'
  properties: {
    ruleCollections: [
      {
        ruleCollectionType: 'FirewallPolicyFilterRuleCollection'
        action: { type: 'Allow' }
        rules: [
          {
            name: 'rule-to-b.example.com'
            protocols: [ { protocolType: 'Http', port: 8080 } ]
            targetFqdns: [ 'a.example.com' ] // not c.example.com
            sourceAddresses: [ '10.0.0.0/8' ]
          }
        ]
      }
      {
        action: { type: 'Deny' }
        rules: [ { targetFqdns: [ 'pastebin.com' ] }, ]
      }
      { rules: [ { targetFqdns: [ '${region}.example.com' ] }, { targetFqdns: hosts } ] }
    ]
  }
}`},

		// YAML and XML
		{"YAML", "http://a.example.com; " + denies, "rules:\n  - host: a.example.com\n    port: 80\n  - host: pastebin.com\n    action: deny\n"},
		{"the validator's XML", "https://login.microsoftonline.com; http://crl.example.com; https://b.example.com", `<?xml version="1.0" encoding="utf-8"?>
<Objects><Object Type="System.Management.Automation.PSCustomObject">
  <Property Name="Version" Type="System.String">10.2605.0.1</Property>
  <Property Name="Targets" Type="System.Object[]">
    <Property Type="AzStackHciConnectivityTarget">
      <Property Name="Name" Type="System.String">Arc</Property>
      <Property Name="EndPoint" Type="System.String[]"><Property Type="System.String">login.microsoftonline.com</Property></Property>
      <Property Name="Protocol" Type="System.String[]"><Property Type="System.String">https</Property></Property>
      <Property Name="Remediation" Type="System.String">https://github.com/Azure/AzureLocal-Supportability</Property>
    </Property>
    <Property Type="AzStackHciConnectivityTarget">
      <Property Name="EndPoint"><Property>crl.example.com</Property></Property>
      <Property Name="Protocol"><Property>http</Property></Property>
    </Property>
  </Property></Object>
  <Object><Property Name="EndPoint">b.example.com</Property></Object></Objects>`},
		{"XML of another kind", "http://a.example.com; " + denies, `<?xml version="1.0"?>
<rules xmlns="http://schemas.example.com/rules">
  <rule action="allow"><host>a.example.com</host><port>80</port></rule>
  <rule action="deny" host="pastebin.com" port="443"/>
</rules>`},
		{"XML with a signature", "https://a.example.com; https://b.example.com", `<?xml version="1.0"?>
<Objects><EndPoint>a.example.com</EndPoint>
<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">
  <SignedInfo><SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/></SignedInfo>
  <SignatureValue>AAAA</SignatureValue>
  <KeyInfo><RetrievalMethod URI="https://keys.example.com"/></KeyInfo>
  <Object><host xmlns="">b.example.com</host></Object>
</Signature></Objects>`},
		{"XML that is broken", "problem: not XML: XML syntax error on line 2: unexpected EOF", "<?xml version=\"1.0\"?>\n<rules><host>a.example.com</host>"},

		// tables
		{"Arc's table", "https://aka.ms; https://*.his.arc.azure.com",
			"|Agent resource|Description|When required|Endpoint used with private link|\n|-|-|-|-|\n|`aka.ms`|Used to resolve|At installation|Public|\n|`*.his.arc.azure.com`|Metadata|Always|Private|"},
		{"tabs of a page", "https://a.example.com cloud=public; https://a.example.cn cloud=china; https://b.example.com",
			"#### [Azure Cloud](#tab/azure-cloud)\n- a.example.com\n#### [Azure operated by 21Vianet](#tab/azure-china)\n- a.example.cn\n---\n## More\n- b.example.com"},
		{"HTML", "https://a.example.com:8084; http://b.example.com; http://c.example.com; " + denies + "; https://d.example.com; " + denies, `<!DOCTYPE html><html><head><style>a.example.org{}</style></head><body>
<h2>Required</h2>
<table><thead><tr><th>URL</th><th>Port</th><th>Action</th></tr></thead>
<tbody>
<tr><td>a.example.com</td><td>8084</td><td></td></tr>
<tr><td>b.example.com<br>c.example.com</td><td>80</td><td>Allow</td></tr>
<tr><td>pastebin.com</td><td>443</td><td>Deny</td></tr>
</tbody></table>
<ul><li>d.example.com</li></ul>
<h2>Blocked</h2>
<p>mega.nz</p></body></html>`},
		{"rows that go down", "https://a.example.com; http://b.example.com", "<table><tr><th>Service</th><th>URL</th><th>Port</th></tr><tr><td rowspan=2>Arc</td><td>a.example.com</td><td>443</td></tr><tr><td>b.example.com</td><td>80</td></tr></table>"},
		{"a table of HTML in Markdown", "https://x.example.com; http://a.example.com", "x.example.com\n<table>\n<tr><th>URL</th><th>Port</th></tr>\n<tr><td>a.example.com</td>\n<td>80</td></tr>\n</table>\n"},
		{"code in Markdown", "https://a.example.com; http://b.example.com; https://c.example.com", "```hcl\ntarget_fqdns = [\"a.example.com\"]\n```\n\n```json\n{ \"url\": \"b.example.com\", \"port\": 80 }\n```\n\n```\nc.example.com\n```"},

		// other programs' lists
		{"Squid's names", "https://*.microsoft.com; https://microsoft.com", ".microsoft.com"},
		{"squid.conf", "https://*.microsoft.com; https://microsoft.com; https://a.example.com; " + denies + "; problem: a regular expression, which is not read; " +
			"problem: no http_access line names the acl unused; problem: the names are in another file", `acl localnet src 10.0.0.0/8
acl allowed dstdomain .microsoft.com a.example.com
acl bad dstdomain pastebin.com # not b.example.com
acl odd dstdom_regex ^x\.example\.com$
acl unused dstdomain c.example.com
acl file dstdomain "/etc/squid/allowed"
http_access deny bad
http_access allow localnet allowed file
http_access deny all`},
		{"squid.conf that denies all others", "https://a.example.com", "acl ok dstdomain a.example.com\nhttp_access deny !ok\nhttp_access allow all"},
		{"squid.conf that denies within what it allows", "https://example.com; problem: the document denies bad.example.com, which it would let through; " + denies,
			"acl ok dstdomain .example.com\nacl bad dstdomain bad.example.com\nhttp_access deny bad\nhttp_access allow ok"},
		{"squid.conf that allows within what it denies", "problem: the document denies *.example.com, which it would let through; " + denies,
			"acl ok dstdomain a.example.com\nacl bad dstdomain .example.com\nhttp_access deny bad\nhttp_access allow ok"},
		{"tinyproxy's filter", "problem: a regular expression, which is not read", `^\.ngrok\.io$`},
		{"tinyproxy's names", "https://a.example.com; https://*.b.example.com; https://*.c.example.com; https://c.example.com; https://*.d.example.com; problem: a regular expression, which is not read",
			"^a\\.example\\.com$\n\\.b\\.example\\.com$\n(^|\\.)c\\.example\\.com$\n^.*\\.d\\.example\\.com$\n^e\\.example\\.com"},
		{"tinyproxy.conf", "problem: the names are in another file", "Allow 10.0.0.0/8\nUpstream http a.example.com:3128\nFilter \"/etc/tinyproxy/filter\"\nFilterDefaultDeny Yes\n"},
		{"tinyproxy.conf whose filter denies", "problem: the names are in another file, and are denied: there is no FilterDefaultDeny Yes", "ConnectPort 443\nFilter \"/etc/tinyproxy/filter\"\n"},
		{"Smokescreen", "https://*.a.example.com; problem: its action is \"open\": the list is not what is let through; " + denies + "; https://g.example.com; https://r.example.com", `---
version: v1
services:
  - name: nodes
    project: infra
    action: enforce
    allowed_domains: ["*.a.example.com"]
  - name: any
    action: open
    allowed_domains:
      - o.example.com
global_deny_list:
  - pastebin.com
global_allow_list:
  - g.example.com
default:
  name: default
  action: report
  allowed_domains:
    - r.example.com
`},
		{"Smokescreen that denies what a service allows", "problem: the document denies *.x.example.com, which it would let through; " + denies,
			"services:\n  - name: nodes\n    action: enforce\n    allowed_domains:\n      - a.x.example.com\nglobal_deny_list:\n  - \"*.x.example.com\"\n"},
		{"hosts", denies + "; " + denies + "; no_rule: a name of the hosts file without a domain; https://x.example.com",
			"0.0.0.0 ads.example.com\n127.0.0.1\ttracker.example.com\n::1 localhost\n10.1.2.3 x.example.com"},
		{"addresses that no rule allows", "problem: 169.254.169.254 is an address that no rule can allow; https://13.107.4.50", "169.254.169.254\n13.107.4.50"},
	}
}

func TestForms(t *testing.T) {
	for _, tt := range forms() {
		got := outcome(t, tt.doc, policy.Place{})
		if got != tt.want && !(strings.HasSuffix(tt.want, ": ") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		check(t, tt.doc, read(t, tt.doc))
	}
}

// With --deny the entries are those that are denied, by both schemes unless the document names one.
func TestReadDenied(t *testing.T) {
	for doc, want := range map[string]string{
		"URL,Action\npastebin.com,Deny\na.example.com,Allow": "http://pastebin.com; https://pastebin.com; no_rule: the document does not deny it",
		"[[\"pastebin.com\", 443, \"Deny\"]]":                "https://pastebin.com",
		"|URL|Port|\n|-|-|\n|Blocked||\n|pastebin.com|443|":  "https://pastebin.com",
		"<table><caption>Blocked</caption><tr><th>URL</th><th>Port</th></tr><tr><td>pastebin.com</td><td>443</td></tr></table>": "https://pastebin.com",
		"## Blocked\nhttps://pastebin.com": "https://pastebin.com",
		"0.0.0.0 ads.example.com":          "http://ads.example.com; https://ads.example.com",
		"169.254.169.254 443 tcp":          "no_rule: the document does not deny it",
	} {
		report, err := tables.ReadDenied("doc", []byte(doc), policy.Place{})
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomeOf(report); got != want {
			t.Errorf("%q:\n got %s\nwant %s", doc, got, want)
		}
	}
}

// A text that is nested too deeply is refused before Terraform's recursive parser reads it.
func TestTerraformNesting(t *testing.T) {
	for _, tt := range []struct{ open, closing string }{
		{"[", "]"}, {"(", ")"}, {"{a = ", "}"}, {"!", ""}, {"-", ""}, {"(\n!\n", ")"}, {`"${`, `}"`}, {"true ? 1 : ", ""}, {"[for a in ", " : a]"},
	} {
		for levels, deep := range map[int]bool{30: false, 2000: true} {
			report := read(t, "resource \"a\" \"b\" {\nx = "+strings.Repeat(tt.open, levels)+"\"a.example.com\""+strings.Repeat(tt.closing, levels)+"\n}\n")
			refused := false
			for _, line := range report.Lines {
				for _, left := range line.Left {
					refused = refused || strings.Contains(left.Why, "nested more than 64 levels deep")
				}
				if deep && len(line.Entries) != 0 {
					t.Errorf("%q: %v", tt.open, line.Entries)
				}
			}
			if refused != deep {
				t.Errorf("%q, %d levels: %.300s", tt.open, levels, fmt.Sprint(report.Lines))
			}
		}
	}
}
