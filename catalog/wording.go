package catalog

import (
	"fmt"
	"strings"

	"webproxy/policy"
)

const publicCloud = "public"

// regionCode is the short name that some hosts have for a region; "" if no source shows it. Short
// names follow no rule, so that one which is not here must be set.
func regionCode(region string) string {
	switch region {
	case "australiaeast":
		return "ae"
	case "canadacentral":
		return "cc"
	case "centralindia":
		return "pn"
	case "eastus":
		return "eus"
	case "japaneast":
		return "je"
	case "southcentralus":
		return "scus"
	case "southeastasia":
		return "sea"
	case "usgovvirginia":
		return "usgv"
	case "westeurope":
		return "weu"
	}
	return ""
}

// A wording fills the placeholders of hosts for one place.
type wording struct {
	cloud, region string
	names         map[string]string
}

// newWording checks place. What fills a placeholder must be one label: a value such as "*" or "a.b"
// would widen a rule, or move it to another zone.
func newWording(place policy.Place) (wording, error) {
	w := wording{cloud: place.Cloud, region: strings.ToLower(place.Region), names: map[string]string{}}
	switch w.cloud {
	case "":
		w.cloud = publicCloud
	case publicCloud, "china", "usgov":
	default:
		return w, fmt.Errorf("policy.cloud %q: want public, china or usgov", place.Cloud)
	}
	if w.region != "" && !isLabel(w.region) {
		return w, fmt.Errorf("policy.region %q: want a region's name, such as eastus", place.Region)
	}
	for key, value := range place.Names {
		value = strings.ToLower(value)
		if value != "" && !isLabel(value) {
			return w, fmt.Errorf("policy.names.%s %q: want one label: letters, digits and hyphens", key, value)
		}
		w.names[key] = value
	}
	return w, nil
}

// fill replaces the placeholders of host. The reason names the setting of the first that has no value.
func (w wording) fill(host string) (filled, reason string) {
	for {
		before, rest, ok := strings.Cut(host, "{")
		if !ok {
			return host, ""
		}
		key, after, _ := strings.Cut(rest, "}")
		value, setting := w.value(key)
		if value == "" {
			return "", fmt.Sprintf("%s is not set: it fills {%s} in %s", setting, key, host)
		}
		host = before + value + after
	}
}

func (w wording) value(key string) (value, setting string) {
	if key == "region" {
		return w.region, "policy.region"
	}
	value = w.names[key]
	if key == "regioncode" && value == "" {
		value = regionCode(w.region)
	}
	return value, "policy.names." + key
}

// isLabel reports whether s, in lower case, is one label of a host name (RFC 1123, 2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
