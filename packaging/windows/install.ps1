# Installs webproxy.exe, from the directory of this file, as a service: .\install.ps1 -Region eastus -Clients nodes=10.0.1.0/24
# Run it again with a newer webproxy.exe to upgrade. Other arguments are passed to webproxy unchanged, such as
# -Arguments '--dry-run'.
#Requires -RunAsAdministrator
[CmdletBinding()]
param(
    [string]$Cloud,
    [string]$Region,
    [string]$Release,
    [string[]]$Clients,
    [string[]]$Arguments
)
$ErrorActionPreference = 'Stop'

$call = @('service', 'install')
if ($Cloud) { $call += '--cloud', $Cloud }
if ($Region) { $call += '--region', $Region }
if ($Release) { $call += '--release', $Release }
foreach ($group in $Clients) { $call += '--clients', $group }
if ($Arguments) { $call += $Arguments }

& (Join-Path $PSScriptRoot 'webproxy.exe') @call
exit $LASTEXITCODE
