package tables_test

import (
	"strings"
	"testing"

	"webproxy/policy"
)

const (
	inbound = "no_rule: an inbound connection, which a forward proxy has no part in"
	off     = "problem: the rule is switched off"
)

// habits are documents as people write them, and as somebody would who wants to get a name past a reader, with their results.
func habits() []struct{ name, want, doc string } {
	const any = `problem: "*" would allow every host`
	return []struct{ name, want, doc string }{
		// YAML
		{"two documents", "https://a.example.com; " + denies,
			"---\nrules:\n  - host: a.example.com\n    action: allow\n---\nrules:\n  - host: pastebin.com\n    action: deny\n"},
		{"an alias", "problem: the field \"bad\" is not known; " + denies,
			"bad: &bad [pastebin.com]\nrules:\n  - action: deny\n    hosts: *bad\n"},
		{"a merge", "http://a.example.com; " + denies,
			"allow_web: &web\n  port: 80\nno: &no\n  action: deny\nrules:\n  - <<: *web\n    host: a.example.com\n  - <<: *no\n    host: pastebin.com\n"},
		{"aliases without end", "problem: not YAML: its aliases expand to too much",
			"a: &a [x.example.com, x.example.com, x.example.com]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nrules:\n  - hosts: *c\n    port: 443\n"},
		{"an alias of what it stands in", "problem: not YAML: line 4: an alias refers to itself", "rules: &r\n  - host: a.example.com\n    port: 80\n  - *r\n"},
		{"a text of several lines", "http://a.example.com; http://b.example.com", "rules:\n  - port: 80\n    hosts: |\n      a.example.com\n      b.example.com\n"},
		{"stars that nobody quoted", "http://a.example.com; http://*.b.example.com", "rules:\n  - port: 80\n    hosts:\n      - a.example.com\n      - *.b.example.com # all\n"},
		{"yes and no", off + "; https://b.example.com", "rules:\n  - host: a.example.com\n    enabled: no\n  - host: b.example.com\n    enabled: yes\n"},
		{"tags", "problem: host is an expression, which is not evaluated", "rules:\n  - host: !Sub \"${x}.example.com\"\n    port: 443\n"},
		{"names as fields", strings.Repeat("problem: a name stands where the name of a field belongs; ", 1) + "problem: a name stands where the name of a field belongs",
			"rules:\n  a.example.com:\n    port: 443\n  pastebin.com:\n    action: deny\n"},
		{"a template", "problem: not YAML: yaml: ", "rules:\n  - host: {{ .Values.host }}.example.com\n    action: deny\n  - host: a.example.com\n"},
		{"blocks of pairs", denies + "; https://a.example.com", "Host: pastebin.com\nAction: Deny\n\nHost: a.example.com\nAction: Allow\n"},
		{"a field twice, and what denies once", denies + "; " + denies, "host: pastebin.com\nhost: a.example.com\naction: deny\n"},
		{"pairs of PowerShell", denies + "; https://a.example.com; https://b.example.com",
			"Name        : rule1\nTargetFqdns : {pastebin.com}\nAction      : Deny\n\nName        : rule2\nTargetFqdns : {a.example.com, b.example.com}\nAction      : Allow\n"},
		{"front matter, and a page", "https://b.example.com", "---\ntitle: x\nms.date: 01/01/2026\n---\n# Hosts\n- b.example.com\n"},
		{"labels", "https://a.example.com; https://b.example.com", "Login: a.example.com\nGraph: b.example.com"},
		{"a policy of Cilium", "https://a.example.com; http://*.b.example.com; no_rule: a network of addresses, not a host: limit it at the firewall; " + denies, `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: fqdn
  labels: { app.kubernetes.io/name: x }
spec:
  endpointSelector: { matchLabels: { "k8s.io/app": web } }
  egress:
    - toFQDNs:
        - matchName: a.example.com
      toPorts: [ { ports: [ { port: "443", protocol: TCP } ] } ]
    - toFQDNs:
        - matchPattern: "*.b.example.com"
      toPorts:
        - ports:
            - port: "80"
    - toCIDR: [ 13.107.4.0/24 ]
  egressDeny:
    - toFQDNs:
        - matchName: pastebin.com
`},
		{"a policy of Cilium that limits more than names", "problem: ports: its value is not understood; " + any,
			"apiVersion: cilium.io/v2\nspec:\n  egress:\n  - toFQDNs: [ { matchName: a.example.com } ]\n    toPorts:\n    - ports: [ { port: \"80\" } ]\n      rules: { http: [ { path: /x } ] }\n  - toFQDNs: [ { matchPattern: \"*\" } ]\n"},
		{"a policy of Kubernetes", "no_rule: a network of addresses, not a host: limit it at the firewall; no_rule: a network of addresses, not a host: limit it at the firewall",
			"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec:\n  ingress:\n  - from:\n    - ipBlock: { cidr: 10.0.0.0/8 }\n  egress:\n  - to:\n    - ipBlock: { cidr: 20.1.0.0/16 }\n    ports: [ { protocol: TCP, port: 443 } ]\n  - to:\n    - ipBlock: { cidr: 20.2.0.0/16 }\n"},
		{"a firewall of OpenShift", "https://a.example.com; " + denies,
			"kind: EgressFirewall\napiVersion: k8s.ovn.org/v1\nspec:\n  egress:\n  - type: Allow\n    to: { dnsName: a.example.com }\n  - type: Deny\n    to: { dnsName: pastebin.com }\n"},
		{"a policy of Calico", denies + "; problem: \"notPorts\" takes something out of it",
			"apiVersion: projectcalico.org/v3\nspec:\n  egress:\n  - action: Deny\n    source: { nets: [10.0.0.0/8] }\n    destination: { domains: [pastebin.com], ports: [443] }\n  - action: Allow\n    destination: { domains: [a.example.com], notPorts: [443] }\n"},
		{"a service entry of Istio", "https://a.example.com:8443",
			"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec:\n  hosts: [ a.example.com ]\n  ports: [ { number: 8443, name: tls, protocol: TLS } ]\n  location: MESH_EXTERNAL\n"},

		// JSON
		{"deny by a truth", "https://e.example.com; " + strings.Repeat(denies+"; ", 3) + denies,
			`[{"host":"pastebin.com","allow":false},{"host":"b.example.com","blocked":true},{"host":"c.example.com","allowed":"no"},{"host":"d.example.com","deny":1},{"host":"e.example.com","blocked":false,"allow":true}]`},
		{"deny in a list, in an object, in another field", strings.Repeat(denies+"; ", 4) + "problem: action is \"\", neither allow nor deny",
			`[{"host":"pastebin.com","action":["Deny"]},{"host":"b.example.com","action":{"value":"Deny"}},{"host":"c.example.com","type":"block"},{"host":"d.example.com","rule":"REJECT"},{"host":"e.example.com","action":{"x":{"y":1}}}]`},
		{"a list that is called blocked", "https://a.example.com; " + denies, `{"lists":[{"name":"Blocked sites","domains":["pastebin.com"]},{"name":"Needed","domains":["a.example.com"]}]}`},
		{"a list whose name is one word", denies, `{"blockedsites":{"hosts":["pastebin.com"]}}`},
		{"where requests come from", "https://a.example.com", `[{"source":{"hosts":["10.1.2.3"],"host":"client.example.com"},"destination":{"host":"a.example.com","port":443}}]`},
		{"a direction", "https://b.example.com; " + inbound, `[{"host":"a.example.com","direction":"INGRESS"},{"host":"b.example.com","direction":"Egress"}]`},
		{"an exception", `problem: "except" takes something out of it; problem: the field "except" is not known`, `[{"hosts":["*.example.com"],"except":["bad.example.com"]}]`},
		{"rows", "http://a.example.com; " + denies, `{"tables":[{"rows":[["pastebin.com",443,"Deny"],["a.example.com",80,"Allow"]]}]}`},
		{"rows with a header", "http://a.example.com; " + denies, `[["URL","Port","Action"],["pastebin.com",443,"Deny"],["a.example.com",80,"Allow"]]`},
		{"states", "https://b.example.com; " + off, `[{"host":"a.example.com","status":"Disabled"},{"host":"b.example.com","status":"Enabled"}]`},
		{"names of fields", "problem: a name stands where the name of a field belongs", `{"hosts":{"a.example.com":{"port":80}}}`},
		{"objects that a rule names", "https://a.example.com; problem: a rule that denies names \"bad\"",
			`{"address":[{"name":"bad","fqdn":"pastebin.com"},{"name":"good","fqdn":"a.example.com"}],"policy":[{"dstaddr":["bad"],"action":"deny"},{"dstaddr":["good"],"action":"accept"}]}`},
		{"variables and parameters", "https://p.example.com; http://*.a.example.com; " + denies + "; problem: what uses it, on line 10, is not evaluated; problem: targetFqdns is an expression, which is not evaluated", `{
 "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
 "parameters": { "hosts": { "type": "array",
   "defaultValue": ["p.example.com"], "metadata": { "description": "see docs.example.com" } } },
 "variables": { "web": ["*.a.example.com"],
   "fqdns": ["pastebin.com"],
   "odd": ["odd.example.com"] },
 "resources": [ { "properties": { "ruleCollections": [
   { "action": { "type": "Allow" }, "rules": [ { "protocols": [ { "protocolType": "Http", "port": 80 } ], "targetFqdns": "[variables('web')]" },
     { "targetFqdns": "[concat(variables('odd'))]" }, { "targetFqdns": "[parameters('hosts')]" } ] },
   { "action": { "type": "Deny" }, "rules": [ { "targetFqdns": "[variables('fqdns')]" } ] } ] } } ]
}`},

		{"what is said of all beside it", denies + "; https://a.example.com; https://b.example.com", `{"data":[{"destination":"pastebin.com"}],"meta":{"access":"block"}}` + "\n" +
			`{"defaultAction":"Deny","allowedHosts":["a.example.com"]}` + "\n" + `{"data":[{"destination":"b.example.com"}],"meta":{"access":"allow"}}`},
		{"a firewall of Google", denies + "; https://a.example.com", "- name: r1\n  denied:\n  - IPProtocol: tcp\n    ports: ['443']\n  destinationFqdns: [pastebin.com]\n- name: r2\n  allowed:\n  - IPProtocol: tcp\n    ports: ['443']\n  destinationFqdns: [a.example.com]\n"},

		// Terraform
		{"locals", "http://a.example.com; " + denies + "; problem: what uses it, on line 18, is not evaluated; https://unused.example.com; problem: target_fqdns is an expression, which is not evaluated", `locals {
  web    = ["a.example.com"]
  hosts  = ["pastebin.com"]
  odd    = ["odd.example.com"]
  allowed_fqdns = ["unused.example.com"]
}
resource "azurerm_firewall_policy_rule_collection_group" "x" {
  application_rule_collection {
    action = "Allow"
    rule {
      protocols {
        type = "Http"
        port = 80
      }
      target_fqdns = local.web
    }
    rule {
      target_fqdns = [for h in local.odd : lower(h)]
    }
  }
  application_rule_collection {
    action = "Deny"
    rule {
      target_fqdns = toset(local.hosts)
    }
  }
}
`},
		{"a variable's default, and a block that is made by a loop", denies + "; problem: what uses it, on line 13, is not evaluated; problem: target_fqdns is an expression, which is not evaluated",
			`variable "hosts" {
  default = ["pastebin.com"]
}
variable "rules" {
  default = [{ fqdns = ["a.example.com"] }]
}
resource "x" "y" {
  action = "Deny"
  target_fqdns = var.hosts
}
resource "x" "z" {
  dynamic "rule" { 
    for_each = var.rules
    content { 
      target_fqdns = rule.value.fqdns
    }
  }
}
`},
		{"a resource that there is none of", off, "resource \"x\" \"y\" {\n  count = 0\n  target_fqdns = [\"a.example.com\"]\n}\n"},
		{"lists put together", "https://a.example.com; https://b.example.com; problem: target_fqdns is an expression, which is not evaluated",
			"resource \"x\" \"y\" {\n  target_fqdns = concat([\"a.example.com\"],\n    tolist([\"b.example.com\"]), [join(\".\", [\"a\", \"example.com\"])])\n}\n"},
		{"an expression with a name in it", "problem: \"rules\" is an expression, which is not evaluated", "resource \"x\" \"y\" {\n  rules = jsonencode([\"a.example.com\"])\n}\n"},

		// Bicep
		{"variables of Bicep", "http://a.example.com; " + denies + "; problem: what uses it, on line 10, is not evaluated; problem: targetFqdns is an expression, which is not evaluated",
			`var web = [ 'a.example.com' ]
var hosts = [
  'pastebin.com'
]
param odd array = [ 'odd.example.com' ]
resource g 'Microsoft.Network/firewallPolicies/ruleCollectionGroups@2023-04-01' = {
  properties: { ruleCollections: [
    { action: { type: 'Allow' }, rules: [
      { protocols: [ { protocolType: 'Http', port: 80 } ], targetFqdns: web }
      { targetFqdns: union(odd, [ 'x.example.com' ]) } ] }
    { action: { type: 'Deny' }, rules: [ { targetFqdns: hosts } ] }
  ] }
}
output all array = hosts
`},
		{"calls, and texts put together", strings.Repeat("problem: targetFqdns is an expression, which is not evaluated; ", 4) + "https://a.example.com",
			`param r string = 'x'
var rule = {
  targetFqdns: [
    concat('bad.', 'example.com')
    replace('a.example.com', 'a', 'b')
    '${toLower('Q')}.example.com'
    'a.' + 'example.com'
    'a.example.com'
  ]
}
`},
		{"a text of several lines in Bicep", "https://a.example.com; https://b.example.com", "var x = 1\nvar rule = {\n  targetFqdns: [ '''\na.example.com\nb.example.com''' ]\n}\n"},
		{"a loop", "problem: the field \"rules\" is not known; problem: the field \"rules\" is not known; problem: targetFqdns is an expression, which is not evaluated",
			"param x string\nvar y = {\n  rules: [for h in ['a.example.com', 'b.example.com']: {\n    name: h\n    targetFqdns: [ h ]\n  }]\n}\n"},

		// HTML
		{"a table in a table", denies + "; " + denies + "; https://b.example.com", `<table><tr><th>URL</th><th>Action</th></tr>
<tr><td><table><tr><td>pastebin.com</td></tr></table></td>
<td>Deny</td></tr>
<tr><td><table><tr><th>URL</th><th>Action</th></tr>
<tr><td>mega.nz</td><td>Deny</td></tr>
<tr><td>b.example.com</td><td>Allow</td></tr></table></td><td>Allow</td></tr></table>`},
		{"a page that is laid out by a table", "http://a.example.com; " + denies, "<table><tr><td>menu</td><td>\n<table><tr><th>URL</th><th>Port</th><th>Action</th></tr>\n<tr><td>a.example.com</td><td>80</td><td>Allow</td></tr>\n<tr><td>pastebin.com</td><td>80</td><td>Deny</td></tr></table></td></tr></table>"},
		{"tables without end", "problem: tables stand in one another more than 8 levels deep", strings.Repeat("<table><tr><td>", 9) + "a.example.com"},
		{"a cell over many rows", strings.Repeat(denies+"; ", 149) + denies, "<table><tr><th>Action</th><th>URL</th></tr>\n<tr><td rowspan=150>Deny</td><td>pastebin.com</td></tr>\n" + strings.Repeat("<tr><td>pastebin.com</td></tr>\n", 149) + "</table>"},
		{"a cell over all rows", denies + "; " + denies, "<table><tr><th>Action</th><th>URL</th></tr>\n<tr><td rowspan=0>Deny</td><td>pastebin.com</td></tr>\n<tr><td>mega.nz</td></tr></table>"},
		{"a cell over rows and columns", denies + "; " + denies, "<table><tr><th>Service</th><th>Team</th><th>URL</th><th>Action</th></tr>\n<tr><td rowspan=\" 2x\" colspan=2>x</td><td>pastebin.com</td><td rowspan=2>Deny</td></tr>\n<tr><td>mega.nz</td></tr></table>"},
		{"a group of rows ends a cell", denies + "; https://b.example.com", "<table><tr><th>URL</th><th>Action</th></tr>\n<tbody><tr><td>pastebin.com</td><td rowspan=5>Deny</td></tr></tbody>\n<tbody><tr><td>b.example.com</td><td>Allow</td></tr></tbody></table>"},
		{"a title above the header", "http://a.example.com; " + denies, "<table><tr><th colspan=3>Azure Arc</th></tr>\n<tr><th>URL</th><th>Port</th><th>Access</th></tr>\n<tr><td>a.example.com</td><td>80</td><td>Yes</td></tr>\n<tr><td>pastebin.com</td><td>80</td><td>Not allowed</td></tr></table>"},
		{"a second header", "http://a.example.com; " + denies, "<table><tr><th>URL</th><th>Port</th></tr>\n<tr><td>a.example.com</td><td>80</td></tr>\n<tr><th>Denied</th><th>Endpoint</th></tr>\n<tr><td>yes</td><td>pastebin.com</td></tr></table>"},
		{"headers at the left", "http://b.example.com; " + denies, "<table><tr><th>URL</th><td>pastebin.com</td><td>b.example.com</td></tr>\n<tr><th>Port</th><td>443</td><td>80</td></tr>\n<tr><th>Action</th><td>Deny</td><td>Allow</td></tr></table>"},
		{"a caption", denies, "<table><caption>Blocked hosts</caption><tr><th>URL</th></tr>\n<tr><td>pastebin.com</td></tr></table>"},
		{"a summary", denies + "; https://b.example.com", "<div><details><summary>Blocked</summary>\n<ul><li>pastebin.com</li></ul></details></div>\n<h2>Needed</h2>\n<ul><li>b.example.com</li></ul>"},
		{"links", "https://a.example.com; https://b.example.com/x; problem: the link shows c.example.com and leads to https://pastebin.com",
			"<table><tr><th>URL</th></tr>\n<tr><td><a href='https://a.example.com/'>a.example.com</a></td></tr>\n<tr><td><a href='https://b.example.com/x'>the portal</a></td></tr>\n<tr><td><a href='https://pastebin.com'>c.example.com</a></td></tr></table>"},
		{"what is struck out", "problem: words stand around the address, which may limit or deny it; https://b.example.com", "<table><tr><th>URL</th></tr>\n<tr><td><del>a.example.com</del></td></tr>\n<tr><td>b.example.com</td></tr></table>"},
		{"entities and lists in cells", "https://*.a.example.com; https://b.example.com; https://c.example.com", "<table><tr><th>URL</th></tr>\n<tr><td>&#42;.a.example.com<br/>b&#46;example.com<ul><li>c.example.com</li></ul></td></tr></table>"},

		{"a target whose name is looked up only", "no_rule: no protocol is named: only the name is looked up; https://b.example.com", `<?xml version="1.0"?>
<Objects><Object><Property Name="Targets">
<Property><Property Name="TargetResourceID">a.example.com</Property>
<Property Name="EndPoint"><Property>a.example.com</Property></Property><Property Name="Protocol" /></Property>
<Property><Property Name="TargetResourceID">b.example.com</Property>
<Property Name="EndPoint"><Property>b.example.com</Property></Property><Property Name="Protocol"><Property>https</Property></Property></Property>
</Property></Object></Objects>`},

		{"a row that heads others", denies + "; https://b.example.com; " + denies, "<table><tr><th>Host</th><th>Port</th></tr>\n<tr><td colspan=2>Blocked</td></tr>\n<tr><td>pastebin.com</td><td>443</td></tr>\n<tr><td colspan=2>Azure</td></tr>\n<tr><td>b.example.com</td><td>443</td></tr></table>\n<table><tr><th>Host</th><th>Action</th></tr>\n<tr><td>mega.nz</td><td><img src=x.png alt=Deny></td></tr></table>"},
		{"a saved page", "problem: the page does not show this row; https://b.example.com", "<!-- saved from url=(0011)x -->\n<!DOCTYPE html><html><body><table><tr><th>URL</th></tr>\n<tr style='display: none'><td>a.example.com</td></tr>\n<tr><td>b.example.com</td></tr></table></body></html>"},
		{"boxes", denies + "; https://b.example.com", "<table><tr><th>URL</th><th>Allowed</th></tr>\n<tr><td>pastebin.com</td><td><input type=checkbox></td></tr>\n<tr><td>b.example.com</td><td><input type=checkbox checked></td></tr></table>"},

		// rows
		{"rows that head others", denies + "; https://b.example.com; " + denies + "; https://c.example.com", "|URL|Port|\n|-|-|\n|**Blocked**||\n|pastebin.com|443|\n|Azure||\n|b.example.com|443|\n\nURL,Port\nDenied,\nmega.nz,443\nOthers,\nc.example.com,443"},
		{"marks", denies + "; " + denies + "; https://c.example.com; problem: \"?\" is neither allow nor deny", "URL,Allowed\npastebin.com,0\nmega.nz,❌\nc.example.com,✅\nd.example.com,?"},
		{"words for no", denies + "; " + denies + "; " + denies, "pastebin.com,443,Not allowed\nmega.nz,443,Do not allow\nc.example.com,443,Verweigern"},
		{"a direction in a column", inbound + "; https://b.example.com", "URL,Direction\na.example.com,Ingress\nb.example.com,Out"},
		{"many lines in a cell", strings.TrimSuffix(strings.Repeat(denies+"; ", 1), "; "), "URL,Port,Action\n\"" + strings.Repeat("a.example.com\n", 60) + "pastebin.com\",443,Deny"},
		{"formulas of Excel", "https://a.example.com; " + denies, "sep=;\nURL;Port;Action\n=\"a.example.com\";=\"443\";=\"Allow\"\n=\"pastebin.com\";=\"443\";=\"Deny\""},

		{"sources and destinations", denies + "; https://a.example.com", "Rule Name,Source,Destination,Service,Action\nr1,10.0.0.0/8,pastebin.com,https,drop\nr2,client.example.com,a.example.com,https,accept"},

		// lines
		{"YAML within a page", "https://a.example.com; " + denies, "a.example.com\n\nrules:\n  - host: pastebin.com\n    ports:\n      - 443\n    action: deny\n\nThe end."},
		{"a template of Helm", "problem: not YAML: yaml: ", "{{- if .Values.x }}\nrules:\n  - host: pastebin.com\n    ports:\n      - 443\n    action: deny\n{{- end }}\n"},
		{"a workbook", "problem: not a text: a workbook or another archive: save it as CSV", "PK\x03\x04\n pastebin.com\n"},
		{"a PDF", "problem: not a text: a PDF: copy the table out of it", "%PDF-1.7\npastebin.com\n"},
		{"short lines that deny", denies + "; https://a.example.com; " + denies + "; https://b.example.com", "BLOCKLIST\npastebin.com\nAllowed\na.example.com\n[blocked]\nmega.nz\n[allowed]\nb.example.com"},
		{"an action before names", denies, "Action: Deny\npastebin.com"},
		{"a comment that denies", "problem: words stand around the address, which may limit or deny it; https://b.example.com", "pastebin.com # blocked\nb.example.com # since we block the old one, and it is needed"},
		{"struck out", "", "- ~~a.example.com~~"},
		{"forms that are not read", "problem: it has ads.example.com in it, in an unknown form; problem: it has x.example.com in it, in an unknown form; problem: it has y.example.com in it, in an unknown form",
			"||ads.example.com^\naddress=/x.example.com/0.0.0.0\n!y.example.com"},
		{"pairs within a page", "https://a.example.com; " + denies, "# Rules\na.example.com\n\n- Host: pastebin.com\n- Port: 443\n- Action: Deny\n"},
		{"XML that is broken, without a head", "problem: not XML: XML syntax error on line 6: invalid character entity &nbsp;", "<rules>\n<rule action=\"deny\">\n<host>\npastebin.com\n</host>\n</rule>&nbsp;\n</rules>"},
		{"XML within a page", "https://a.example.com; " + denies, "a.example.com\n<rule>\n<host>\npastebin.com\n</host>\n<action>deny</action>\n</rule>\nThe end."},
		{"a firewall's configuration", "problem: a rule that denies names \"bad\"; https://a.example.com", `<config><address>
<entry name="bad"><fqdn>pastebin.com</fqdn></entry>
<entry name="good"><fqdn>a.example.com</fqdn></entry></address>
<rules><entry name="r1"><destination><member>bad</member></destination><action>deny</action></entry>
<entry name="r2"><destination><member>good</member></destination><action>allow</action></entry></rules></config>`},
		{"Squid with another file", "https://a.example.com; problem: what is allowed and denied is in another file, too", "acl ok dstdomain -n a.example.com\ninclude /etc/squid/conf.d/*.conf\nhttp_access allow ok"},
	}
}

func TestHabits(t *testing.T) {
	for _, tt := range habits() {
		got := outcome(t, tt.doc, policy.Place{})
		if got != tt.want && !(strings.HasSuffix(tt.want, ": ") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		check(t, tt.doc, read(t, tt.doc))
	}
}

// PowerShell 5 writes UTF-16, and other programs do without a mark at its beginning.
func TestUTF16WithoutMark(t *testing.T) {
	for _, doc := range []string{"U\x00R\x00L\x00,\x00P\x00o\x00r\x00t\x00\n\x00a\x00.\x00e\x00x\x00.\x00c\x00o\x00m\x00,\x008\x000\x00", "\x00a\x00.\x00e\x00x\x00.\x00c\x00o\x00m\x00:\x008\x000"} {
		if got := outcome(t, doc, policy.Place{}); got != "http://a.ex.com" {
			t.Errorf("%q: %s", doc, got)
		}
	}
}
