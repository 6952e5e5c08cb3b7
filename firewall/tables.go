package firewall

import "fmt"

// rpcPorts stands for "Minimum of 100 ports above port 5000".
const rpcPorts = "rpc"

const (
	seed    = "Firewall requirements for Azure Stack HCI, 2021-12"
	newer   = "azure-stack-docs, azure-local/concepts/firewall-requirements.md, 2025-01-08"
	aksVLAN = "azure-stack-docs, AKS-Hybrid/aks-hci-network-system-requirements.md, 2024-11-19"
	gateway = "Azure/AzureLocal-Supportability, DeepDive-ArcGateway-Outbound-Traffic.md, 2026-07"
)

// tables are all rows of the document of 2021 in its order (general rules, Windows Admin Center, Failover Clustering, Hyper-V,
// Storage Replica), corrections and additions of later documents, and the rules for AKS on a subnet of its own.
func tables() []Rule {
	const (
		general = "General"
		wac     = "Windows Admin Center"
		cluster = "Failover Clustering"
		hyperV  = "Hyper-V"
		replica = "Storage Replica (stretched cluster)"
		aks     = "AKS on a subnet of its own"
	)
	const https = "needed in place of 5985 if Windows Admin Center was installed with \"Use WinRM over HTTPS only\""
	return []Rule{
		{"general-icmp", general, "Allow ICMP (bi-directional, within and between sites)", Nodes, Nodes, "ICMP", nil, "", "", seed},
		{"general-smb", general, "Allow SMB (bi-directional)", Nodes, Nodes, "TCP", []string{"445"}, "", "", seed},
		{"general-smb-direct", general, "Allow SMB Direct (bi-directional)", Nodes, Nodes, "TCP", []string{"5445"}, "", "only with iWARP RDMA", seed},
		{"general-ws-man", general, "Allow WS-MAN (bi-directional)", Nodes, Nodes, "TCP", []string{"5985"}, "", "", seed},

		{"wac-smb", wac, "Provide access to Azure and Microsoft Update", AdminCtr, Nodes, "TCP", []string{"445"}, "", "", seed},
		{"wac-winrm-http", wac, "Use Windows Remote Management (WinRM) 2.0 for HTTP connections to run commands on remote Windows servers", AdminCtr, Nodes, "TCP", []string{"5985"}, "", "", seed},
		{"wac-winrm-https", wac, "Use WinRM 2.0 for HTTPS connections to run commands on remote Windows servers", AdminCtr, Nodes, "TCP", []string{"5986"}, "", https, seed},

		{"cluster-validation", cluster, "Allow Failover Cluster validation", Management, Nodes, "TCP", []string{"445"}, "", "", seed},
		{"cluster-rpc-dynamic", cluster, "Allow RPC dynamic port allocation", Management, Nodes, "TCP", []string{rpcPorts}, "", "a minimum of 100 ports above port 5000", seed},
		{"cluster-rpc", cluster, "Allow Remote Procedure Call (RPC)", Management, Nodes, "TCP", []string{"135"}, "", "", seed},
		{"cluster-administrator", cluster, "Allow Cluster Administrator", Management, Nodes, "TCP", []string{"137"}, "", "the document says TCP; a later one corrects it to UDP: see cluster-administrator-udp", seed},
		{"cluster-service", cluster, "Allow Cluster Service", Management, Nodes, "UDP", []string{"3343"}, "", "", seed},
		{"cluster-service-join", cluster, "Allow Cluster Service (Required during a server join operation.)", Management, Nodes, "TCP", []string{"3343"}, "", "", seed},
		{"cluster-icmp", cluster, "Allow ICMPv4 and ICMPv6 for Failover Cluster validation", Management, Nodes, "ICMP", nil, "", "", seed},

		{"hyperv-cluster", hyperV, "Allow cluster communication", Management, Nodes, "TCP", []string{"445"}, "", "", seed},
		{"hyperv-rpc", hyperV, "Allow RPC Endpoint Mapper and WMI", Management, Nodes, "TCP", []string{"135"}, "", "", seed},
		{"hyperv-http", hyperV, "Allow HTTP connectivity", Management, Nodes, "TCP", []string{"80"}, "", "", seed},
		{"hyperv-https", hyperV, "Allow HTTPS connectivity", Management, Nodes, "TCP", []string{"443"}, "", "", seed},
		{"hyperv-live-migration", hyperV, "Allow Live Migration", Management, Nodes, "TCP", []string{"6600"}, "", "", seed},
		{"hyperv-vm-management", hyperV, "Allow VM Management Service", Management, Nodes, "TCP", []string{"2179"}, "", "", seed},
		{"hyperv-rpc-dynamic", hyperV, "Allow RPC dynamic port allocation", Management, Nodes, "TCP", []string{rpcPorts}, "", "a minimum of 100 ports above port 5000", seed},

		{"replica-smb", replica, "Allow Server Message Block (SMB) protocol", Nodes, Nodes, "TCP", []string{"445"}, "", "", seed},
		{"replica-ws-man", replica, "Allow Web Services-Management (WS-MAN)", Nodes, Nodes, "TCP", []string{"5985"}, "", "", seed},
		{"replica-icmp", replica, "Allow ICMPv4 and ICMPv6 (if using the Test-SRTopology PowerShell cmdlet)", Nodes, Nodes, "ICMP", nil, "", "", seed},

		{"cluster-administrator-udp", cluster, "Allow Cluster Administrator", Management, Nodes, "UDP", []string{"137"}, "", "corrects TCP 137 of the document of 2021", newer},
		{"os-management", "Azure Stack HCI OS management", "Allow inbound/outbound traffic to and from the Azure Local service on Azure Local machines", Nodes, Nodes, "TCP", []string{"30301"}, "", "", newer},
		{"ad-web-services", "Active Directory", "Allow connectivity to ADWS and AD Management Gateway Service", Nodes, Directory, "TCP", []string{"9389"}, "", "", newer},
		{"ntp", "Network Time Protocol", "Allow connectivity to the NTP server", Nodes, TimeServer, "UDP", []string{"123"}, "", "", newer},

		{"aks-ssh", aks, "Collect logs", Nodes, AKS, "TCP", []string{"22"}, "", "", aksVLAN},
		{"aks-ssh-back", aks, "Collect logs", AKS, Nodes, "TCP", []string{"22"}, "", "", aksVLAN},
		{"aks-api", aks, "Kubernetes API", Nodes, AKS, "TCP", []string{"6443"}, "", "", aksVLAN},
		{"aks-api-back", aks, "Kubernetes API", AKS, Nodes, "TCP", []string{"6443"}, "", "", aksVLAN},
		{"aks-agent", aks, "Cloud agent gRPC server", AKS, Cluster, "TCP", []string{"55000"}, "", "", aksVLAN},
		{"aks-agent-login", aks, "Cloud agent gRPC authentication", AKS, Cluster, "TCP", []string{"65000"}, "", "", aksVLAN},
		{"aks-arc-proxy", aks, "Arc proxy on cluster IP (HTTPS and HTTP CONNECT)", AKS, Cluster, "TCP", []string{"40343"}, "", "with an Arc gateway", gateway},
	}
}

// proxyRules are what nodes with a proxy may reach outside of the site.
func proxyRules(port uint16) []Rule {
	const section, ours = "Proxy", "webproxy"
	return []Rule{
		{"proxy", section, "Allow the proxy", Nodes, Proxy, "TCP", []string{fmt.Sprint(port)}, "", "", ours},
		{"proxy-aks", section, "Allow the proxy from AKS clusters", AKS, Proxy, "TCP", []string{fmt.Sprint(port)}, "", "", ours},
		{"dns-udp", section, "Allow DNS", Nodes, NameServer, "UDP", []string{"53"}, "", "", ours},
		{"dns-tcp", section, "Allow DNS", Nodes, NameServer, "TCP", []string{"53"}, "", "", ours},
	}
}
