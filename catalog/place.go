package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"webproxy/internal/spelling"
	"webproxy/policy"
)

const (
	publicCloud = "public"
	// unused as a value of policy.names says that the site has no such thing, such as a key vault. Its endpoints stay disabled,
	// without a warning.
	unused = "none"
	// gatewayName is the placeholder whose value changes which endpoints are needed.
	gatewayName = "gateway"
)

// placeholders are the keys of policy.names, with their meaning.
var placeholders = map[string]string{
	gatewayName:  "the id of the Azure Arc gateway: the first label of its URL",
	"keyvault":   "the Azure Key Vault of the deployment's secrets",
	"regioncode": "the short name of policy.region, such as eus, where this program does not know it",
	"witness":    "the storage account of the cloud witness",
	"workspace":  "the id of the Log Analytics workspace of the Azure Monitor agent",
	"dce":        "the first label of the data collection endpoint of the Azure Monitor agent",
}

// PlaceholderNames returns the keys that policy.names may have, in alphabetical order. Each fills
// {KEY} in the hosts of the lists; policy.region fills {region}.
func PlaceholderNames() []string { return slices.Sorted(maps.Keys(placeholders)) }

// PlaceholderMeaning says what a key of policy.names stands for; "" if there is no such key.
func PlaceholderMeaning(name string) string { return placeholders[name] }

// A resolvedPlace is a valid policy.Place. It fills the placeholders of hosts.
type resolvedPlace struct {
	cloud, region string
	names         map[string]string
}

// CheckPlace returns everything that is wrong with place. The fields of its errors are relative to the policy section: "region",
// "names.keyvault". All functions of this package that take a place fail for an invalid one.
func CheckPlace(place policy.Place) policy.SpecErrors {
	_, errs := resolvePlace(place)
	return errs
}

// resolvePlace checks place. The value of a placeholder must be one label: a value such as "*" or "a.b" would widen a rule, or
// move it to another zone.
func resolvePlace(place policy.Place) (resolvedPlace, policy.SpecErrors) {
	w := resolvedPlace{cloud: place.Cloud, names: map[string]string{}}
	if w.cloud == "" {
		w.cloud = publicCloud
	}
	if !slices.Contains(clouds(), w.cloud) {
		return w, policy.SpecErrors{{Field: "cloud", Msg: fmt.Sprintf("%q: want public, china or usgov", place.Cloud)}}
	}
	var errs policy.SpecErrors
	for _, key := range slices.Sorted(maps.Keys(place.Names)) {
		value := strings.ToLower(place.Names[key])
		switch {
		case placeholders[key] == "":
			errs = append(errs, unknownPlaceholder(key))
		case value != "" && !isLabel(value):
			errs = append(errs, &policy.SpecError{
				Field: "names." + key, Msg: fmt.Sprintf("%q: want one label: letters, digits and hyphens", value),
				Hint: "it is " + placeholders[key],
			})
		default:
			w.names[key] = value
		}
	}
	if place.Region != "" {
		region, err := resolveRegion(w.cloud, strings.ToLower(place.Region), w.names["regioncode"] != "")
		if err != nil {
			errs = append(errs, err)
		}
		w.region = region
	}
	return w, errs
}

func unknownPlaceholder(key string) *policy.SpecError {
	hint := "the names are " + strings.Join(PlaceholderNames(), ", ")
	if near := spelling.Nearest(key, PlaceholderNames()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if key == "region" {
		hint = "the region has a setting of its own: policy.region"
	}
	return &policy.SpecError{Field: "names." + key, Msg: fmt.Sprintf("no placeholder %q in any list", key), Hint: hint}
}

// placeError is errs as one error, with the names of the settings; nil if errs is empty.
func placeError(errs policy.SpecErrors) error {
	if len(errs) == 0 {
		return nil
	}
	lines := make([]string, len(errs))
	for i, e := range errs {
		lines[i] = "policy." + e.Error()
		if e.Hint != "" {
			lines[i] += " (" + e.Hint + ")"
		}
	}
	return errors.New(strings.Join(lines, "; "))
}

// hasGateway reports whether there is an Arc gateway.
func (w resolvedPlace) hasGateway() bool {
	return w.names[gatewayName] != "" && w.names[gatewayName] != unused
}

// fill replaces the placeholders of host. The reason names the setting of the first that has no value; final reports whether
// that setting is none.
func (w resolvedPlace) fill(host string) (filled, reason string, final bool) {
	for {
		before, rest, ok := strings.Cut(host, "{")
		if !ok {
			return host, "", false
		}
		key, after, _ := strings.Cut(rest, "}")
		value, setting := w.value(key)
		switch value {
		case "":
			return "", fmt.Sprintf("%s is not set: it fills {%s} in %s%s", setting, key, host, noneHint(key)), false
		case unused:
			return "", fmt.Sprintf("%s is none: it would fill {%s} in %s", setting, key, host), true
		}
		host = before + value + after
	}
}

// noneHint tells how to configure that the site has no such thing.
func noneHint(key string) string {
	if key == "region" || key == "regioncode" {
		return ""
	}
	return "; if there is no such thing, set it to none"
}

func (w resolvedPlace) value(key string) (value, setting string) {
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
