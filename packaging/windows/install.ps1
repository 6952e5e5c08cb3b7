# Makes webproxy.exe, which is beside this file, a service: .\install.ps1 -Region eastus -Clients nodes=10.0.1.0/24
# Run again with a newer webproxy.exe, it upgrades. Whatever is not an answer for a new configuration goes to webproxy as it is, such as
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
