package main

import (
	"fmt"
	"strconv"
	"strings"

	"webproxy/catalog"
)

// endpoint turns a row into an endpoint, without its id.
func endpoint(r row) (catalog.Endpoint, error) {
	e := catalog.Endpoint{
		Cloud:       cloudOf(r),
		Schemes:     split(r["schemes"]),
		Host:        withPlaceholders(r["host_pattern"]),
		Path:        r["path"],
		When:        when(r["when"]),
		Tags:        tags(r["service_tag"]),
		ArcGateway:  r["arc_gateway"],
		Description: description(r),
		Raw:         r["raw"],
	}
	if r["region"] != "*" {
		e.Regions = split(r["region"])
	}
	for _, s := range split(r["ports"]) {
		port, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return e, err
		}
		e.Ports = append(e.Ports, uint16(port))
	}
	if len(e.Ports) != len(e.Schemes) {
		return e, fmt.Errorf("schemes %q do not go with ports %q", r["schemes"], r["ports"])
	}
	if e.Cloud == "" || e.When == "" || e.Raw == "" {
		return e, fmt.Errorf("cloud %q, when %q, raw %q: not as expected", r["cloud"], r["when"], r["raw"])
	}
	e.Disabled = disabled(e)
	e.Note = endpointNote(r, e)
	return e, nil
}

// split takes a cell apart; an empty one has no values.
func split(cell string) []string {
	if cell == "" {
		return nil
	}
	return strings.Split(cell, "|")
}

func cloudOf(r row) string {
	switch word := r["cloud"]; {
	case word == "public" && !hasCloudColumn(r):
		return catalog.AnyCloud
	case word == "public", word == "china":
		return word
	case word == "government":
		return "usgov"
	}
	return ""
}

func when(words string) string {
	switch words {
	case "required daily", "optional":
		return words
	case "registration/deployment only":
		return "registration"
	}
	return ""
}

// wholeList marks tags that the source names for all of its hosts together: they become a note, and not a tag of each host.
const wholeList = " (whole list)"

func tags(cell string) []string {
	if strings.HasSuffix(cell, wholeList) {
		return nil
	}
	return split(cell)
}

func tagNote(r row) string {
	list, ok := strings.CutSuffix(r["service_tag"], wholeList)
	if !ok {
		return ""
	}
	return "The service tags are those of the whole list, not of single hosts: " + strings.Join(split(list), ", ") + "."
}

// withPlaceholders writes the parts of a host that the reader must fill in as {name}.
func withPlaceholders(host string) string {
	if strings.HasSuffix(host, ".his.arc.azure.com") {
		// This service has the short name of a region in its hosts: eus.his.arc.azure.com.
		host = strings.Replace(host, "<region>", "{regioncode}", 1)
	}
	host = strings.Replace(host, "<region>", "{region}", 1)
	first, rest, _ := strings.Cut(host, ".")
	if !strings.ContainsAny(first, "<[") && !strings.HasPrefix(first, "your") {
		return host
	}
	switch {
	case strings.HasPrefix(rest, "vault."):
		return "{keyvault}." + rest
	case strings.HasPrefix(rest, "gw.arc."):
		return "{gateway}." + rest
	case strings.HasPrefix(rest, "blob.core."):
		return "{witness}." + rest
	}
	return host
}

// disabled says why no rule of a web proxy can express e; "" if one can.
func disabled(e catalog.Endpoint) string {
	switch {
	case e.Host == "":
		return "the source names no host yet"
	case e.Host == "*":
		return fmt.Sprintf("the source names no host, and no rule opens port %d of every host", e.Ports[0])
	case e.Schemes[0] == "udp":
		return fmt.Sprintf("UDP port %d does not pass an HTTP proxy: allow it at the firewall, or use a local time server", e.Ports[0])
	case e.Schemes[0] != "http" && e.Schemes[0] != "https":
		return "neither plain HTTP nor CONNECT"
	}
	return ""
}
