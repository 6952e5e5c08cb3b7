package clientconfig

import (
	"fmt"
	"strings"
)

// arcProxy is where nodes with an Arc gateway send HTTPS: the Arc agent on the node itself (Azure/AzureLocal-Supportability,
// DeepDive-ArcGateway). Plain HTTP still goes to the proxy, and so do requests that the gateway refuses.
const arcProxy = "http://localhost:40343"

// A Setting is the proxy setting of one program.
type Setting struct {
	ID    string `json:"id"`    // such as "wininet"; stable
	Title string `json:"title"` // what it is for
	Where string `json:"where"` // where the text goes: a shell, or a file
	Text  string `json:"text"`
	Undo  string `json:"undo"`           // reverts it, in the same place
	Note  string `json:"note,omitempty"` // a remark
}

// Settings are all settings of the plan, the registration of a new site first.
func (p *Plan) Settings() []Setting {
	return []Setting{
		p.registration(), p.winINet(), p.winHTTP(), p.machineEnvironment(), p.environmentFile(), p.agent(), p.portal(),
		p.containerd(), p.helm(), p.apt(), p.git(),
	}
}

const (
	agentID      = "azcmagent"
	inPowerShell = "PowerShell as administrator, on each node"
	inShell      = "shell"
)

func (p *Plan) bypass() string  { return strings.Join(p.Bypass(), ",") }
func (p *Plan) noProxy() string { return strings.Join(p.NoProxy(), ",") }

// httpsProxy is where a node sends HTTPS.
func (p *Plan) httpsProxy() string {
	if p.site.Gateway != "" {
		return arcProxy
	}
	return p.proxy
}

// arcClouds are the names that the registration has for clouds.
var arcClouds = map[string]string{"": "AzureCloud", "public": "AzureCloud", "china": "AzureChinaCloud", "usgov": "AzureUSGovernment"}

func (p *Plan) registration() Setting {
	s := p.site
	text := fmt.Sprintf("Invoke-AzStackHciArcInitialization -SubscriptionID %s -ResourceGroup %s -TenantID %s -Region %s -Cloud %s -Proxy %s -ProxyBypass %s",
		argument(s.Subscription, "$Subscription"), argument(s.ResourceGroup, "$RG"), argument(s.Tenant, "$Tenant"),
		argument(s.Region, "$Region"), quoted(arcClouds[s.Cloud]), quoted(p.proxy), quoted(p.bypass()))
	if s.Gateway != "" {
		text += " -ArcGatewayID " + quoted(s.Gateway)
	}
	return Setting{
		ID: "registration", Title: "Registration of a new site", Where: inPowerShell, Text: text,
		Note: "it sets WinINet, WinHTTP and the environment by itself: the next three are for sites that are registered already",
		Undo: "# the registration stays: Remove-AzStackHciArcInitialization would take the machine out of Azure Arc",
	}
}

func (p *Plan) winINet() Setting {
	server := p.proxy
	if p.site.Gateway != "" {
		server = p.perScheme()
	}
	return Setting{
		ID: string(WinINet), Title: "WinINet, for the whole machine", Where: inPowerShell,
		Text: fmt.Sprintf("Set-WinInetProxy -ProxySettingsPerUser 0 -ProxyServer %s -ProxyBypass %s", server, quoted(p.bypass())),
		Undo: "Set-WinInetProxy",
	}
}

func (p *Plan) winHTTP() Setting {
	server := p.proxy
	if p.site.Gateway != "" {
		server = p.perScheme()
	}
	return Setting{
		ID: string(WinHTTP), Title: "WinHTTP", Where: inPowerShell,
		Text: fmt.Sprintf("Set-WinhttpProxy -ProxyServer %s -BypassList %s", server, quoted(p.bypass())),
		Undo: "Reset-WinhttpProxy -Direct",
	}
}

// perScheme is the form of Windows for a proxy of each scheme.
func (p *Plan) perScheme() string {
	return quoted("http=" + strings.TrimPrefix(p.proxy, "http://") + ";https=" + strings.TrimPrefix(arcProxy, "http://"))
}

// variables are the names and values of the environment, in the order in which they are set.
func (p *Plan) variables() [][2]string {
	return [][2]string{{"HTTP_PROXY", p.proxy}, {"HTTPS_PROXY", p.httpsProxy()}, {"NO_PROXY", p.noProxy()}}
}

func (p *Plan) machineEnvironment() Setting {
	var set, undo []string
	for _, v := range p.variables() {
		set = append(set, fmt.Sprintf("[Environment]::SetEnvironmentVariable(%s, %s, \"Machine\")", quoted(v[0]), quoted(v[1])), fmt.Sprintf("$env:%s = %s", v[0], quoted(v[1])))
		undo = append(undo, fmt.Sprintf("[Environment]::SetEnvironmentVariable(%s, $null, \"Machine\")", quoted(v[0])), fmt.Sprintf("$env:%s = $null", v[0]))
	}
	return Setting{
		ID: string(Env), Title: "Environment of the machine", Where: inPowerShell,
		Text: strings.Join(set, "\n"), Undo: strings.Join(undo, "\n"),
		Note: "services read it when they start",
	}
}

func (p *Plan) environmentFile() Setting {
	var set []string
	for _, v := range p.variables() {
		set = append(set, v[0]+"="+v[1])
	}
	return Setting{
		ID: "environment", Title: "Environment, as files have it", Where: "/etc/environment, or a file of variables",
		Text: strings.Join(set, "\n"), Undo: "# remove the lines that begin with HTTP_PROXY=, HTTPS_PROXY= and NO_PROXY=",
	}
}

func (p *Plan) agent() Setting {
	s := Setting{
		ID: agentID, Title: "Azure Arc agent", Where: "PowerShell or shell as administrator, on each machine",
		Text: "azcmagent config set proxy.url " + quoted(p.proxy), Undo: "azcmagent config clear proxy.url",
		Note: "the agent never asks Windows for its proxy",
	}
	if p.site.Gateway != "" {
		s.Text += "\nazcmagent config set connection.type gateway"
		s.Undo += "\nazcmagent config set connection.type direct"
	}
	return s
}

func (p *Plan) portal() Setting {
	lines := []string{"Proxy server:      " + p.proxy, "Proxy bypass list: " + p.bypass()}
	if p.site.Gateway != "" {
		lines = append(lines, "Arc gateway ID:    "+p.site.Gateway)
	}
	return Setting{
		ID: "portal", Title: "Azure portal and Configurator app", Where: "the fields of these names",
		Text: strings.Join(lines, "\n"), Undo: "# nothing to undo: the fields are for the deployment only",
	}
}

func (p *Plan) containerd() Setting {
	lines := []string{"[Service]"}
	for _, v := range [][2]string{{"HTTP_PROXY", p.proxy}, {"HTTPS_PROXY", p.proxy}, {"NO_PROXY", p.noProxy()}} {
		lines = append(lines, fmt.Sprintf("Environment=\"%s=%s\"", v[0], v[1]))
	}
	const file = "/etc/systemd/system/containerd.service.d/http-proxy.conf"
	return Setting{
		ID: "containerd", Title: "containerd", Where: file,
		Text: strings.Join(lines, "\n"), Note: "then: systemctl daemon-reload && systemctl restart containerd",
		Undo: "rm " + file + " && systemctl daemon-reload && systemctl restart containerd",
	}
}

func (p *Plan) helm() Setting {
	escaped := strings.ReplaceAll(p.noProxy(), ",", `\,`)
	text := fmt.Sprintf("--set global.isProxyEnabled=true --set-string global.httpProxy=%[1]s --set-string global.httpsProxy=%[1]s --set-string 'global.noProxy=%[2]s'", p.proxy, escaped)
	return Setting{
		ID: "helm", Title: "Helm", Where: "arguments of helm install or upgrade; the names are those of the chart azure-arc-k8sagents",
		Text: text, Undo: "--set global.isProxyEnabled=false",
		Note: "helm itself reads the environment; commas in a value are escaped",
	}
}

// exact are the entries that name one host: programs without wildcards accept only these.
func (p *Plan) exact() []string {
	var names []string
	for _, list := range [][]string{p.nodes, p.cluster, p.private} {
		for _, n := range list {
			names = addNew(names, n)
		}
	}
	return names
}

func (p *Plan) apt() Setting {
	lines := []string{
		fmt.Sprintf("Acquire::http::Proxy \"%s\";", p.proxy),
		fmt.Sprintf("Acquire::https::Proxy \"%s\";", p.proxy),
	}
	for _, name := range p.exact() {
		lines = append(lines, fmt.Sprintf("Acquire::http::Proxy::%s \"DIRECT\";", name), fmt.Sprintf("Acquire::https::Proxy::%s \"DIRECT\";", name))
	}
	const file = "/etc/apt/apt.conf.d/95webproxy"
	return Setting{ID: "apt", Title: "apt", Where: file, Text: strings.Join(lines, "\n"), Undo: "rm " + file}
}

func (p *Plan) git() Setting {
	set, undo := []string{"git config --system http.proxy " + p.proxy}, []string{"git config --system --unset http.proxy"}
	direct := p.exact()
	for _, d := range p.domains {
		direct = append(direct, "*."+d)
	}
	for _, name := range direct {
		key := fmt.Sprintf("'http.https://%s/.proxy'", name)
		set = append(set, fmt.Sprintf("git config --system %s ''", key))
		undo = append(undo, "git config --system --unset "+key)
	}
	return Setting{ID: "git", Title: "git", Where: inShell, Text: strings.Join(set, "\n"), Undo: strings.Join(undo, "\n")}
}

// argument is value as an argument of PowerShell; variable, if value is empty.
func argument(value, variable string) string {
	if value == "" {
		return variable
	}
	return quoted(value)
}

// quoted is a string of PowerShell and of shells. A Plan has no characters that would end it or be expanded.
func quoted(s string) string { return `"` + s + `"` }

// Text is all settings for people, each under a heading; with undo, the commands that revert them.
func (p *Plan) Text(undo bool) string {
	var b strings.Builder
	for i, s := range p.Settings() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s  (%s)\n", s.Title, s.Where)
		if s.Note != "" && !undo {
			fmt.Fprintf(&b, "# %s\n", s.Note)
		}
		text := s.Text
		if undo {
			text = s.Undo
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

// Script is the settings of a Windows node as one PowerShell script, which reverts them if run with -Undo. With undo it
// only reverts them.
func (p *Plan) Script(undo bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Proxy settings of a node: %s. Run as administrator on each node.\n", p.proxy)
	b.WriteString("#Requires -RunAsAdministrator\n")
	if !undo {
		b.WriteString("# With -Undo it takes them back.\nparam([switch]$Undo)\n")
		fmt.Fprintf(&b, "# A new site needs none of this, only its registration:\n#   %s\n", p.registration().Text)
	}
	b.WriteString("$ErrorActionPreference = \"Stop\"\n")
	settings := []Setting{p.winINet(), p.winHTTP(), p.machineEnvironment(), p.agent()}
	indent := ""
	if !undo {
		b.WriteString("if ($Undo) {\n")
		indent = "    "
	}
	for _, s := range settings {
		writeSetting(&b, indent, s, s.Undo)
	}
	if undo {
		return b.String()
	}
	b.WriteString("    return\n}\n")
	for _, s := range settings {
		writeSetting(&b, "", s, s.Text)
	}
	return b.String()
}

// writeSetting writes the commands of one setting. The agent is on a node only after its registration.
func writeSetting(b *strings.Builder, indent string, s Setting, text string) {
	if s.ID != agentID {
		writeLines(b, indent, text)
		return
	}
	b.WriteString(indent + "if (Get-Command azcmagent -ErrorAction SilentlyContinue) {\n")
	writeLines(b, indent+"    ", text)
	b.WriteString(indent + "}\n")
}

func writeLines(b *strings.Builder, indent, text string) {
	for line := range strings.Lines(text) {
		b.WriteString(indent + strings.TrimSuffix(line, "\n") + "\n")
	}
}
