package catalog

import (
	"fmt"
	"slices"
	"strings"

	"webproxy/internal/spelling"
	"webproxy/policy"
)

// The regions of each cloud, with their names in Azure Resource Manager.
const (
	publicRegions = `australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral
		brazilsouth brazilsoutheast canadacentral canadaeast centralindia centralus chilecentral eastasia eastus eastus2
		francecentral francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth japaneast
		japanwest jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth
		northcentralus northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest
		southcentralus southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest
		uaecentral uaenorth uksouth ukwest westcentralus westeurope westindia westus westus2 westus3`
	chinaRegions = "chinaeast chinaeast2 chinaeast3 chinanorth chinanorth2 chinanorth3"
	usgovRegions = "usdodcentral usdodeast usgovarizona usgoviowa usgovtexas usgovvirginia"
)

// clouds are the values of policy.cloud.
func clouds() []string { return []string{publicCloud, "china", "usgov"} }

// regionsOf returns the names of a cloud's regions.
func regionsOf(cloud string) []string {
	switch cloud {
	case publicCloud:
		return strings.Fields(publicRegions)
	case "china":
		return strings.Fields(chinaRegions)
	case "usgov":
		return strings.Fields(usgovRegions)
	}
	return nil
}

// Regions returns the names of the regions of a cloud; of all clouds if cloud is empty.
func Regions(cloud string) []string {
	if cloud != "" {
		return regionsOf(cloud)
	}
	var all []string
	for _, c := range clouds() {
		all = append(all, regionsOf(c)...)
	}
	return all
}

// Clouds returns the values of policy.cloud.
func Clouds() []string { return clouds() }

// RegionOf returns the long name of place's region, such as "eastus" for "eus"; "" if place has no region or is not valid.
func RegionOf(place policy.Place) string {
	w, errs := resolvePlace(place)
	if len(errs) > 0 {
		return ""
	}
	return w.region
}

// IsRegion reports whether name is the long name of a region of any cloud.
func IsRegion(name string) bool {
	return slices.ContainsFunc(clouds(), func(cloud string) bool { return slices.Contains(regionsOf(cloud), name) })
}

// regionCodes are the short names of regions that some hosts have, from the sources of the lists. Short names follow no rule
// ("pn" is Central India): one that is not here must be configured. Which of the two names a host has follows no rule either
// (South Central US has scus.dp.prod.appliances.azure.com and southcentralus.dp.kubernetesconfiguration.azure.com), so the lists
// say it for each host.
var regionCodes = map[string]string{
	"australiaeast":  "ae",
	"canadacentral":  "cc",
	"centralindia":   "pn",
	"eastus":         "eus",
	"japaneast":      "je",
	"southcentralus": "scus",
	"southeastasia":  "sea",
	"usgovvirginia":  "usgv",
	"westeurope":     "weu",
}

// regionCode returns the short name of region, or "".
func regionCode(region string) string { return regionCodes[region] }

// regionOfCode returns the region with the short name code, or "".
func regionOfCode(code string) string {
	for region, c := range regionCodes {
		if c == code {
			return region
		}
	}
	return ""
}

// resolveRegion returns the name of the region in cloud for word, in lower case: its name or its short name. An unknown region
// is an error, unless the operator has configured its short name (vouched): Azure may have regions that this table lacks.
func resolveRegion(cloud, word string, vouched bool) (string, *policy.SpecError) {
	fail := func(hint, format string, args ...any) (string, *policy.SpecError) {
		return "", &policy.SpecError{Field: "region", Msg: fmt.Sprintf(format, args...), Hint: hint}
	}
	if !isLabel(word) {
		return fail(regionHint(cloud, word), "%q: want the name of a region, such as eastus", word)
	}
	region := word
	if long := regionOfCode(word); long != "" {
		region = long
	}
	if slices.Contains(regionsOf(cloud), region) {
		return region, nil
	}
	for _, other := range clouds() {
		if slices.Contains(regionsOf(other), region) {
			return fail("set policy.cloud to "+other, "%q is a region of cloud %s, not of %s", word, other, cloud)
		}
	}
	if vouched {
		return region, nil
	}
	return fail(regionHint(cloud, word), "no region %q in cloud %s", word, cloud)
}

func regionHint(cloud, word string) string {
	if near := spelling.Nearest(strings.ReplaceAll(word, " ", ""), regionsOf(cloud)); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "if it is newer than this program, give its short name too: policy.names.regioncode"
}
